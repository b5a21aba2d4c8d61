"""Readers of published benchmarks that are known by the names of their folders.

A benchmark is recognised by names that nothing else has, wherever they lie in the source: it does
not matter how much of it was downloaded, or into what it was unpacked.
"""

import json
import re
from contextlib import suppress
from itertools import product
from pathlib import PurePosixPath

from vlcore.data.importers.folders import image_files
from vlcore.data.importers.source import Contents, ImportSetError, Row, Source, UnreadableError

_SPAWRIOUS = re.compile(
    r"(?:.*/)?(?:0|1|domain_adaptation_ds)/(?P<context>desert|jungle|dirt|mountain|snow|beach)"
    r"/(?P<object>bulldog|corgi|dachshund|labrador)/[^/]+"
)
_PROMPT = re.compile(r"_prompt_(\d{1,4})_")
_FACTORS = ("fur", "pose", "time of day")
_PROMPTS = list(
    product(("black", "brown", "white", "any"), ("sitting", "any", "running"), "012345")
)

_METASHIFT = re.compile(
    r"(?:.*/)?(?P<object>[^/()]*[^/()\s])\((?P<context>[^/()]+)\)/(?P<id>[^/]+)\.[^./]+"
)

_NICO = re.compile(
    r"(?:.*/)?(?P<context>autumn|dim|grass|outdoor|rock|water)/(?P<object>[^/]+)/[^/]+"
)
_NICO_FOLDER = "public_dg_0416/"
_NICO_MAPPING = "dg_label_id_mapping.json"
_NICO_LIST = re.compile(
    r"(?:.*/)?(?:autumn|dim|grass|outdoor|rock|water)_(?P<phase>train|val|test)\.txt"
)

_IMAGENET9 = re.compile(
    r"(?P<root>(?:.*/)?)"
    r"(?P<context>original|mixed_same|mixed_rand|mixed_next|only_fg|no_fg|only_bg_b|only_bg_t)/val"
    r"/(?P<folder>0\d_(?P<object>[^/]+))/[^/]+"
)
_MIXED = re.compile(r"fg_(?P<object>.+?)_bg_.+")


def read_spawrious(source: Source) -> Contents | None:
    """Spawrious of Lynch et al. (2023): ``{0,1,domain_adaptation_ds}/<location>/<class>/*``; it has
    no splits."""
    rows = []
    for file in image_files(source):
        if match := _SPAWRIOUS.fullmatch(file):
            factors = {}
            # The generator's prompt, where the file still has the name that it was given.
            prompt = _PROMPT.search(PurePosixPath(file).name)
            if prompt and int(prompt[1]) < len(_PROMPTS):
                factors = dict(zip(_FACTORS, _PROMPTS[int(prompt[1])], strict=True))
            rows.append(Row(file, match["object"], match["context"], factors=json.dumps(factors)))
    return Contents("Spawrious; all its parts together, split anew.", rows, []) if rows else None


def read_metashift(source: Source) -> Contents | None:
    """MetaShift of Liang and Zou (2022): folders such as ``cat(indoor)``; the file name is the
    image's id, where files are equal too. Its train and test folders hold what a shortcut predicts
    and what it does not: no split here.
    """
    rows = []
    skipped = []
    for file in image_files(source):
        if match := _METASHIFT.fullmatch(file):
            rows.append(Row(file, match["object"], match["context"], id=match["id"]))
        else:
            skipped.append((file, "lies outside the folders class(context)"))
    # Parentheses alone mean little: copies of folders have them too.
    if len(rows) <= len(skipped):
        return None
    return Contents("MetaShift, folders named class(context); split anew.", rows, skipped)


def read_nico(source: Source) -> Contents | None:
    """NICO++ of Zhang et al. (2023), public track: ``train/<context>/<class>/*`` and a mapping of
    classes. The lists ``<context>_<phase>.txt`` of a domain generalisation benchmark give the
    splits where they are in the source.
    """
    mappings = [file for file in source.files if PurePosixPath(file).name == _NICO_MAPPING]
    if not mappings and not any(_NICO_FOLDER in f"{source.name}/{file}" for file in source.files):
        return None
    classes = None
    if mappings:
        with suppress(UnreadableError, ValueError, RecursionError):
            classes = json.loads(source.text(mappings[0]))
        if not isinstance(classes, dict):
            raise ImportSetError(f"{mappings[0]} is no JSON object of classes; download it again.")
    splits = {}  # by the last three parts of a path
    for file in source.files:
        if match := _NICO_LIST.fullmatch(file):
            for line in source.needed_text(file, "list").splitlines():
                path = line.strip().rpartition(" ")[0]  # before a label; classes have spaces too
                splits["/".join(path.split("/")[-3:])] = match["phase"]
    rows = []
    skipped = []
    for file in image_files(source):
        match = _NICO.fullmatch(file)
        if match is None or (classes is not None and match["object"] not in classes):
            skipped.append((file, f"is no image of a class and a context in {_NICO_MAPPING}"))
            continue
        split = splits.get("/".join(file.split("/")[-3:]), "")
        rows.append(Row(file, match["object"], match["context"], split))
    how = "with lists of its splits" if splits else "without splits"
    return Contents(f"NICO++, {how}.", rows, skipped)


def read_imagenet9(source: Source) -> Contents | None:
    """ImageNet-9 of Xiao et al. (2021), the Backgrounds Challenge: ``<variant>/val/0k_<class>/*``.
    The variant stands for the context: images of one class differ in what is behind it. Mixed
    images are named ``fg_<stem>_bg_<stem>``; the id is the object's, so that one animal is never
    both trained on and tested on. Masks come from ``fg_mask/val/<class>/<stem>.npy``, and fit the
    variants that keep the object where it was.
    """
    files = frozenset(source.files)
    rows = []
    for file in image_files(source):
        if match := _IMAGENET9.fullmatch(file):
            stem = PurePosixPath(file).stem
            mask = f"{match['root']}fg_mask/val/{match['folder']}/{stem}.npy"
            mixed = _MIXED.fullmatch(stem)
            row = Row(
                file,
                match["object"],
                match["context"],
                mask=mask if mask in files else "",
                id=f"{match['folder']}/{mixed['object'] if mixed else stem}",
            )
            rows.append(row)
    return Contents("ImageNet-9; the variants are the contexts.", rows, []) if rows else None
