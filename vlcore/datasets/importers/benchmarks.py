"""Published data sets about spurious contexts, in the layouts that their authors ship.

A benchmark is recognised by folder names that nothing else has, wherever they lie in the source, so it does not matter
how much of it was downloaded or what it was unpacked into.
"""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath

from vlcore.datasets.importers.folders import pictures
from vlcore.datasets.importers.selection import Found, Row
from vlcore.datasets.importers.source import ImportSetError, Source, UnreadableError, utf8

_SPAWRIOUS = re.compile(
    r"(?:.*/)?(?:0|1|domain_adaptation_ds)/(?P<context>desert|jungle|dirt|mountain|snow|beach)"
    r"/(?P<object>bulldog|corgi|dachshund|labrador)/[^/]+"
)
_PROMPT = re.compile(r"_prompt_(\d+)_")
_FUR, _POSES, _TIMES = ("black", "brown", "white", "any"), ("sitting", "any", "running"), 6

_METASHIFT = re.compile(r"(?:.*/)?(?P<object>[^/()]*[^/()\s])\((?P<context>[^/()]+)\)/(?P<id>[^/]+)\.[^./]+")

_NICO = re.compile(r"(?:.*/)?(?P<context>autumn|dim|grass|outdoor|rock|water)/(?P<object>[^/]+)/[^/]+")
_NICO_FOLDER = "public_dg_0416/"
_NICO_MAPPING = "dg_label_id_mapping.json"
_NICO_LIST = re.compile(r"(?:.*/)?(?:autumn|dim|grass|outdoor|rock|water)_(?P<phase>train|val|test)\.txt")

_IMAGENET9 = re.compile(
    r"(?P<root>(?:.*/)?)(?P<context>original|mixed_same|mixed_rand|mixed_next|only_fg|no_fg|only_bg_b|only_bg_t)/val"
    r"/(?P<folder>0\d_(?P<object>[^/]+))/[^/]+"
)
_MIXED = re.compile(r"fg_(?P<object>.+?)_bg_.+")


def read_spawrious(source: Source) -> Found | None:
    """Spawrious of Lynch et al. (2023): ``{0,1,domain_adaptation_ds}/<location>/<class>/*``; it has no splits."""
    rows = []
    for file in pictures(source):
        if match := _SPAWRIOUS.fullmatch(file):
            factors = {}
            # What the generator was asked for, where the file still has the name that it was given.
            prompt = _PROMPT.search(PurePosixPath(file).name)
            if prompt and int(prompt[1]) < len(_FUR) * len(_POSES) * _TIMES:
                look, time = divmod(int(prompt[1]), _TIMES)
                fur, pose = divmod(look, len(_POSES))
                factors = {"fur": _FUR[fur], "pose": _POSES[pose], "time of day": str(time)}
            rows.append(Row(file, match["object"], match["context"], factors=json.dumps(factors)))
    return Found("Spawrious; all its parts together, split anew.", rows, []) if rows else None


def read_metashift(source: Source) -> Found | None:
    """MetaShift of Liang and Zou (2022): folders such as ``cat(indoor)``; the file name is the image's id
    where the files are the same too.

    Its published train and test folders hold only the groups that a shortcut predicts, and only the others; they say
    nothing about the split here.
    """
    matches = [(file, _METASHIFT.fullmatch(file)) for file in pictures(source)]
    rows = [Row(file, match["object"], match["context"], id=match["id"]) for file, match in matches if match]
    if len(rows) <= len(matches) / 2:  # parentheses alone mean little: copies of folders have them too
        return None
    skipped = [(file, "lies outside the folders class(context)") for file, match in matches if not match]
    return Found("MetaShift, folders named class(context); split anew.", rows, skipped)


def read_nico(source: Source) -> Found | None:
    """NICO++ of Zhang et al. (2023), public track: ``train/<context>/<class>/*`` and a mapping of classes.

    The lists ``<context>_<phase>.txt`` of a domain generalisation benchmark give the splits where they are there.
    """
    mapping = next((file for file in source.files if PurePosixPath(file).name == _NICO_MAPPING), None)
    if mapping is None and not any(_NICO_FOLDER in f"{source.name}/{file}" for file in source.files):
        return None
    classes = None
    if mapping is not None:
        try:
            classes = json.loads(source.read(mapping))
        except (UnreadableError, ValueError, RecursionError):
            classes = []
        if not isinstance(classes, dict):
            raise ImportSetError(f"{mapping} is no JSON object of classes; download it again.")
    splits = {}  # by the last three parts of a path
    for file in source.files:
        if match := _NICO_LIST.fullmatch(file):
            try:
                data = source.read(file)
            except UnreadableError as error:
                raise ImportSetError(f"The list {file} {error}; put one there that can be read.") from error
            for line in utf8(data, f"The list {file}").splitlines():
                path = line.strip().rpartition(" ")[0]  # before a label; classes have spaces too
                splits["/".join(path.split("/")[-3:])] = match["phase"]
    rows, skipped = [], []
    for file in pictures(source):
        match = _NICO.fullmatch(file)
        if match is None or (classes is not None and match["object"] not in classes):
            skipped.append((file, f"is no picture of a class and a context in {_NICO_MAPPING}"))
            continue
        split = splits.get("/".join(file.split("/")[-3:]), "")
        rows.append(Row(file, match["object"], match["context"], split))
    return Found(f"NICO++, {'with lists of its splits' if splits else 'without splits'}.", rows, skipped)


def read_imagenet9(source: Source) -> Found | None:
    """ImageNet-9 of Xiao et al. (2021), the Backgrounds Challenge: ``<variant>/val/0k_<class>/*``.

    The variant takes the place of the context: pictures of one class differ in what is behind it. Mixed pictures are
    named ``fg_<stem>_bg_<stem>``, by where object and background were taken from; the id is the object's, so that one
    animal is never both trained on and tested on. Masks come from ``fg_mask/val/<class>/<stem>.npy``, and fit the
    variants that keep the object where it was.
    """
    there = frozenset(source.files)
    rows = []
    for file in pictures(source):
        if match := _IMAGENET9.fullmatch(file):
            stem = PurePosixPath(file).stem
            mask = f"{match['root']}fg_mask/val/{match['folder']}/{stem}.npy"
            mixed = _MIXED.fullmatch(stem)
            id = f"{match['folder']}/{mixed['object'] if mixed else stem}"
            rows.append(Row(file, match["object"], match["context"], mask=mask if mask in there else "", id=id))
    return Found("ImageNet-9; the variants are the contexts.", rows, []) if rows else None
