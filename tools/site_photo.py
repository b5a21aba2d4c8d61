"""Write what docs/try/photo.js reads into a folder: the image encoder and the program that runs it.

python -m tools.site_photo --out site/try/photo

It needs npm. Files that end in `.bin` are packed with gzip, so a server need not pack them.

| file | content |
| --- | --- |
| `photo.json` | how a photo is prepared; ImageNet's classes, and those of the objects; the size of each file |
| `encoder.bin` | ONNX: from `pixels`, uint8 (224, 224, 4), whose alpha it ignores, to `features`, (1, 1280), and `classes`, probabilities (1, 1000) |
| `SET.bin` | ONNX: from `features` to `components`, (1, 128), which models of the recipe `browser` read |
| `ort.js`, `ort-wasm.js`, `ort.bin` | ONNX Runtime: its module, the one that starts its WebAssembly, and that |
"""  # noqa: E501

import gzip
import hashlib
import json
import subprocess
import tarfile
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, checker, helper, numpy_helper
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from benchmarks import parse_options, print_table
from vlcore.data.catalogue import BUILT_IN_SETS, open_set
from vlcore.data.decoding import GROUND, MAX_SIDE
from vlcore.data.feature_store import BUNDLED, PRETRAINED, bundle_name
from vlcore.data.imageset import ImageSet
from vlcore.data.in_bytes import InBytes
from vlcore.experiment.errors import LabError
from vlcore.experiment.limits import UPLOAD_BYTES
from vlcore.model.frozen_towers import classifier, open_tower
from vlcore.model.recognition import LEAST_SHARE, class_names, columns_of

# The WebAssembly of 1.31.1 has 3.8 MB (gzip), that of 1.22.0 2.9 MB.
RUNTIME = "onnxruntime-web-1.22.0"
RUNTIME_DIGEST = "e293551f9d36d003e293d0f2937fee7b3dfdcef76d71d1449b55e2d4157c7aea"  # sha256
# Named .js, because some servers do not know .mjs.
RUNTIME_FILES = {
    "ort.wasm.min.mjs": "ort.js",
    "ort-wasm-simd-threaded.mjs": "ort-wasm.js",
    "ort-wasm-simd-threaded.wasm": "ort.bin",
}
OPSET, FORMAT = 17, 8  # of ONNX, which ONNX Runtime has known since 2022


def main() -> None:
    """Write the files, and print their sizes."""
    options = parse_options(
        __doc__,
        out=Path("site/try/photo"),
        sets={"nargs": "+", "choices": BUILT_IN_SETS, "default": [*BUILT_IN_SETS]},
    )
    sizes = write_photo(options.out, options.sets)
    print_table(("file", "kB"), [(name, f"{size / 1000:,.0f}") for name, size in sizes.items()])


def write_photo(out: Path, names: Sequence[str] = BUILT_IN_SETS) -> dict[str, int]:
    """Write the files for photos on models of some image sets.

    Args:
        out: the folder.
        names: of built-in sets, whose objects ImageNet's classifier knows.

    Returns:
        The size of each file in bytes.
    """
    out.mkdir(parents=True, exist_ok=True)
    sets = [open_set(name) for name in names]
    [grouping] = {images.grouping for images in sets}
    _pack(out / "encoder.bin", encoder().SerializeToString())
    for images in sets:
        _pack(out / f"{images.name}.bin", projection(images).SerializeToString())
    _fetch_runtime(out)
    about = {
        "bytes": UPLOAD_BYTES,
        "longest": MAX_SIDE,
        "ground": GROUND,
        "side": PRETRAINED.side,
        "crop": PRETRAINED.crop,
        "objects": grouping.objects,
        "columns": columns_of(grouping),
        "least": LEAST_SHARE,
        "classes": class_names(),
        "files": {file: (out / file).stat().st_size for file in ("encoder.bin", "ort.bin")},
    }
    (out / "photo.json").write_text(json.dumps(about, separators=(",", ":")))
    return {file.name: file.stat().st_size for file in sorted(out.iterdir())}


class _Graph:
    """An ONNX graph that grows node by node."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, values: NDArray[Any]) -> str:
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def half(self, values: NDArray[np.floating]) -> str:
        """A float32 constant that the file holds as float16."""
        return self.node("Cast", self.constant(values.astype(np.float16)), to=TensorProto.FLOAT)

    def node(self, kind: str, *inputs: str, out: str = "", **settings: Any) -> str:
        out = out or f"value{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [out], **settings))
        return out

    def model(self, source: Any, results: dict[str, int]) -> ModelProto:
        """The graph from a source to results of some widths."""
        outputs = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, width])
            for name, width in results.items()
        ]
        graph = helper.make_graph(self.nodes, "photo", [source], outputs, self.constants)
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=FORMAT)
        checker.check_model(model)
        return model


def encoder() -> ModelProto:
    """The pretrained encoder with batch norm folded in, and ImageNet's classifier on its features.

    Weights of convolutions are float16. Those of the classifier are bytes, which saves a megabyte.
    """
    network, graph = open_tower("pretrained").network, _Graph()
    colours = [graph.constant(np.array([number])) for number in (0, 3, 2)]  # of the last axis
    value = graph.node("Slice", "pixels", *colours)
    value = graph.node("Cast", value, to=TensorProto.FLOAT)
    for kind, numbers in (("Sub", PRETRAINED.mean), ("Div", PRETRAINED.deviation)):
        value = graph.node(kind, value, graph.constant(np.array(numbers, np.float32) * 255))
    value = graph.node("Transpose", value, perm=[2, 0, 1])
    value = graph.node("Unsqueeze", value, graph.constant(np.array([0])))
    value = _convolved(graph, value, network.conv_stem, network.bn1)
    for block in chain.from_iterable(network.blocks):
        before = value
        layers = [layer for layer in block.modules() if isinstance(layer, nn.Conv2d)]
        norms = [layer for layer in block.modules() if isinstance(layer, nn.BatchNorm2d)]
        for layer, norm in zip(layers, norms, strict=True):
            value = _convolved(graph, value, layer, norm)
        if block.has_skip:
            value = graph.node("Add", value, before)
    value = _convolved(graph, value, network.conv_head, network.bn2)
    features = graph.node("Flatten", graph.node("GlobalAveragePool", value), out="features")
    weights, bias = classifier()
    in_bytes = InBytes.of_rows(weights)
    rows = graph.node("Cast", graph.constant(in_bytes.numbers), to=TensorProto.FLOAT)
    rows = graph.node("Mul", rows, graph.constant(in_bytes.units))
    scores = graph.node("Gemm", features, rows, graph.constant(bias), transB=1)
    graph.node("Softmax", scores, out="classes")
    shape = [PRETRAINED.side, PRETRAINED.side, 4]
    source = helper.make_tensor_value_info("pixels", TensorProto.UINT8, shape)
    return graph.model(source, {"features": PRETRAINED.features, "classes": len(bias)})


def _convolved(graph: _Graph, value: str, layer: nn.Conv2d, norm: Any) -> str:
    """A convolution, its norm and its activation on a value of a graph."""
    folded = fuse_conv_bn_eval(layer, norm).cpu()
    weights, bias = (numbers.detach().numpy() for numbers in (folded.weight, folded.bias))
    same = {"auto_pad": "SAME_UPPER"}  # as networks of TensorFlow pad, at each stride
    settings = {"strides": layer.stride, "group": layer.groups, **same}
    value = graph.node("Conv", value, graph.half(weights), graph.half(bias), **settings)
    if not isinstance(norm.act, nn.ReLU6):
        return value
    return graph.node("Clip", value, *(graph.constant(np.float32(end)) for end in (0, 6)))


def projection(images: ImageSet) -> ModelProto:
    """From features to the principal components that are bundled for a built-in set."""
    with np.load(BUNDLED / bundle_name(images, PRETRAINED), allow_pickle=False) as bundle:
        components, centre = bundle["components"], bundle["centre"]
    graph = _Graph()
    centred = graph.node("Sub", "features", graph.half(centre))
    graph.node("Gemm", centred, graph.half(components), transB=1, out="components")
    shape = [1, PRETRAINED.features]
    source = helper.make_tensor_value_info("features", TensorProto.FLOAT, shape)
    return graph.model(source, {"components": len(components)})


def _fetch_runtime(out: Path) -> None:
    """Write the files of ONNX Runtime, from npm.

    Raises:
        LabError: npm gave another package than the one that was tested.
    """
    with TemporaryDirectory() as folder:
        name, _, version = RUNTIME.rpartition("-")
        command = ["npm", "pack", "--silent", f"{name}@{version}", "--pack-destination", folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        file = Path(folder, f"{RUNTIME}.tgz")
        if hashlib.sha256(file.read_bytes()).hexdigest() != RUNTIME_DIGEST:
            raise LabError(f"npm gave another {RUNTIME} than the tested one. Do not use it.")
        with tarfile.open(file) as package:
            for part, target in RUNTIME_FILES.items():
                content = package.extractfile(f"package/dist/{part}").read()
                (out / target).write_bytes(content)
    _pack(out / "ort.bin", (out / "ort.bin").read_bytes())


def _pack(file: Path, content: bytes) -> None:
    file.write_bytes(gzip.compress(content, mtime=0))


if __name__ == "__main__":
    main()
