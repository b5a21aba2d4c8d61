"""Import of a large set of embeddings, its projections, and what a server needs to show them.

python -m benchmarks.imports [--rows 100000] [--width 512] [--skip-umap]

The embeddings are drawn: 40 clusters of a few dimensions each, in noise, with captions of two
objects, a name and a column of the user's own. Each step is a process of its own in a home of its
own, with one thread where it stands for a worker; seconds are of the wall, with those of the
processor beside them, and memory is the most that the step added to what it had after its imports.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import FLAG, parse_options

AIMS = {  # seconds of a step
    "import": 30.0,
    "pca": 5.0,
    "umap": 100.0,
}
MEMORY_AIM = 600.0  # MB that a server may grow by when it shows the maps
CLUSTERS, DIMENSIONS, NOISE = 40, 20, 0.5
SEED = 0
NAME = "many"
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}


def draw_embeddings(path: Path, rows: int, width: int) -> None:
    """Write an ``.npz`` that can be imported."""
    random = np.random.default_rng(SEED)
    centres = random.normal(size=(CLUSTERS, width)).astype(np.float32)
    cluster = random.integers(CLUSTERS, size=rows)
    z = random.normal(size=(rows, width)).astype(np.float32)
    z *= NOISE
    inner = random.normal(size=(rows, DIMENSIONS)).astype(np.float32)
    z += inner @ random.normal(size=(DIMENSIONS, width)).astype(np.float32) * 0.3
    z += centres[cluster]
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    np.savez(
        path,
        z=z,
        object=np.array(["gull", "crow"])[cluster % 2],
        context=np.array(["sea", "land"])[cluster // 2 % 2],
        name=np.array([f"photos/{row // 1000:03d}/IMG_{row:06d}.jpg" for row in range(rows)]),
        camera=np.array([f"camera {number}" for number in random.integers(9, size=rows)]),
        text=centres[:2],
        captions=np.array(["a photo of a gull", "a photo of a crow"]),
        text_object=np.array(["gull", "crow"]),
    )


def memory() -> float:
    """MB that this process has of its own; pages of files that it maps belong to all."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


def import_file(folder: Path) -> dict[str, Any]:
    """Import the embeddings, as ``data import`` does."""
    from vlcore.api.imports import import_embeddings

    start = time.perf_counter()
    report = import_embeddings(folder / "many.npz", NAME)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "rows": sum(report["counts"].values()), "key": report["key"]}


def fit_pca(folder: Path) -> dict[str, Any]:
    """Fit the principal plane of all embeddings and project them."""
    from vlcore.metrics.projection import fit_plane

    with np.load(folder / "many.npz") as arrays:
        z = arrays["z"]
    start = time.perf_counter()
    points = fit_plane(z).place(z)
    return {"seconds": time.perf_counter() - start, "rows": len(points)}


def fit_umap(_folder: Path) -> dict[str, Any]:
    """Fit the UMAP of the imported embeddings, as a worker does."""
    from vlcore.api.imports import imported_condition
    from vlcore.api.maps import make_map
    from vlcore.data.catalogue import open_set
    from vlcore.plots.options import Projection

    key = imported_condition(open_set(NAME)).key
    start = time.perf_counter()
    make_map([key], Projection("umap"))
    return {"seconds": time.perf_counter() - start}


def show_maps(folder: Path) -> dict[str, Any]:
    """Make the table of the maps, PCA and UMAP where it is fitted, as a page of a server does, and
    look for the neighbours of an image."""
    from vlcore.api.compared_maps import compare_maps, points_table
    from vlcore.api.imports import imported_condition
    from vlcore.api.maps import map_fits
    from vlcore.api.model_map import model_map
    from vlcore.artifacts.store import published, read
    from vlcore.data.catalogue import open_set
    from vlcore.plots.options import PCA, Projection

    seconds, before = {}, memory()
    started = time.perf_counter()

    def passed(step: str) -> None:
        nonlocal started
        seconds[step] = time.perf_counter() - started
        started = time.perf_counter()

    images = open_set(NAME)
    passed("read the table of the set")
    artifact = read(imported_condition(images).key)
    passed("read and check the artifact")
    together = None
    umap = Projection("umap")
    fitted = [PCA, *([umap] if all(map(published, map_fits([artifact.key], umap))) else [])]
    for projection in fitted:
        model = model_map(artifact, projection)
        passed(f"map, {projection.kind}")
        together = compare_maps([model], images)
        passed(f"table of points, {projection.kind}")
    model.neighbours(model.z[7], 5)
    passed("neighbours of an image")
    points_table(together, together.points).to_csv(folder / "points.csv", index=False)
    passed("CSV of all points")
    return {"seconds": seconds, "memory": memory() - before, "rows": len(together.points)}


STEPS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "import": import_file,
    "pca": fit_pca,
    "umap": fit_umap,
    "show": show_maps,
}


def run_step(name: str, folder: Path) -> dict[str, Any]:
    """Do a step in a process of its own; its result, with seconds of the processor and peak MB."""
    threads = ONE_THREAD if name == "umap" else {}
    command = [sys.executable, "-m", "benchmarks.imports", "--step", name, "--folder", str(folder)]
    environment = {**os.environ, **threads, "VLCORE_HOME": str(folder / "home")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    """Measure all steps, and print them beside their aims."""
    options = parse_options(__doc__, rows=100_000, width=512, skip_umap=FLAG, step="", folder="")
    if options.step:
        import resource

        result = STEPS[options.step](Path(options.folder))
        usage = resource.getrusage(resource.RUSAGE_SELF)
        result |= {"processor": usage.ru_utime + usage.ru_stime, "peak": usage.ru_maxrss / 1024}
        print(json.dumps(result))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        draw_embeddings(folder / "many.npz", options.rows, options.width)
        for name in STEPS:
            if name == "umap" and options.skip_umap:
                continue
            result = run_step(name, folder)
            if name == "show":
                for step, seconds in result["seconds"].items():
                    print(f"  {step}: {seconds:.2f} s")
                print(f"  memory of its own: {result['memory']:.0f} MB, aim {MEMORY_AIM:.0f}")
                continue
            rows = f", {result['rows']:,} rows" if "rows" in result else ""
            print(
                f"{name}: {result['seconds']:.1f} s, aim {AIMS[name]:.0f} s"
                f" ({result['processor']:.0f} s of the processor, peak {result['peak']:.0f} MB)"
                f"{rows}",
                flush=True,
            )


if __name__ == "__main__":
    main()
