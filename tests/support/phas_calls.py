"""Calls every public method of a PHAS client and keeps what it answers.

Runs under an interpreter that has the released client, and under ours; it needs nothing besides
what both have. ``python phas_calls.py CLIENT STEPS URL KEYS PLAN FOLDER`` where

- CLIENT is ``phas`` or ``wsi_lab``,
- STEPS are of ``change``, ``read`` and ``refused``, with commas between them,
- KEYS is a folder with ``phas_<owner|outsider|nobody>_api_key.json``,
- PLAN is a JSON file of ids, as ``phas_lab.py`` makes it,
- FOLDER gets ``results.json`` and, for each answer that is no JSON, a ``.npy`` or ``.bin``.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

from phas_keeping import Kept, described, watched

MODULES = {"phas": "phas.client.api", "wsi_lab": "wsi_lab.client.phas"}
POLYGON = {"type": "polygon", "data": [[300, 400], [950, 420.5], [700, 1100], [310, 900]]}
TRAPEZOID = {"type": "trapezoid", "data": [[500, 600, 120.5], [900, 1300, 260]], "note": "kept"}
OFF_SLIDE = {"type": "polygon", "data": [[-900, -200], [260, -120], [180, 400], [-300, 350]]}
EMPTY = [["Layer", {"children": []}]]
REGIONS = {"polygon": POLYGON, "trapezoid": TRAPEZOID, "off the slide": OFF_SLIDE}

PATCHES: dict[str, tuple[str, tuple[float, float], int, tuple[int, int], int]] = {
    "at once": ("one level", (700, 800), 0, (300, 201), 0),
    "in tiles": ("one level", (700, 800), 0, (600, 400), 256),
    "by default": ("one level", (1100, 1500), 0, (1300, 1100), 1024),
    "over the edge": ("one level", (2219, 2966), 0, (64, 64), 0),
    "off the slide": ("one level", (5000, 5000), 0, (32, 16), 0),
    "left of the slide": ("one level", (-20, 30), 0, (100, 100), 0),
    "at a level": ("levels", (250, 230), 1, (101, 80), 0),
    "at a level, in tiles": ("levels", (250.7, 230.2), 1, (120, 90), 50),
    "at the last level": ("levels", (250, 232), 2, (125, 116), 0),
}


class Calls:
    """The same calls of either client."""

    def __init__(self, module: Any, url: str, keys: Path, plan: dict[str, Any], keep: Kept) -> None:
        self.module = module
        self.url = url
        self.keys = keys
        self.plan = plan
        self.keep = keep
        self.client = module.Client(url, self._key("owner"))

    def _key(self, name: str) -> str:
        return str(self.keys / f"phas_{name}_api_key.json")

    def task(self, name: str) -> Any:
        kinds = {
            "draw": self.module.AnnotationTask,
            "copy": self.module.AnnotationTask,
            "boxes": self.module.DLTrainingTask,
            "regions": self.module.SamplingROITask,
            "browse": self.module.Task,
        }
        return kinds[name](self.client, self.plan["tasks"][name])

    def change(self) -> None:
        """Draw and outline, and leave the same behind each time."""
        keep, draw, regions = self.keep, self.task("draw"), self.task("regions")
        slides = self.plan["slides"]
        first, second, third = slides.values()
        for name, drawing in self.plan["drawings"].items():
            keep(f"set {name}", lambda each=drawing: draw.set_slide_annot_json(first, each))
            keep(f"get {name}", lambda: draw.get_slide_annot_json(first))
            keep(f"svg of {name}", lambda: draw.get_slide_annot_svg(first, downsample=300))
            keep(f"counts of {name}", lambda: self.counts(draw, first))
        drawings = self.plan["drawings"]
        draw.set_slide_annot_json(first, drawings["curves"])
        draw.set_slide_annot_json(second, drawings["selected"])
        file = str(keep.folder / "annotations.json")
        keep("export", lambda: draw.export_task_annots(file))
        for slide in (first, second):
            draw.set_slide_annot_json(slide, EMPTY)
        records = json.loads(Path(file).read_text())
        records.append({"slide_name": "nowhere", "slide_id": 1, "annot": []})
        Path(file).write_text(json.dumps(records))
        keep("import", lambda: draw.import_task_annots(file))
        keep("get imported", lambda: draw.get_slide_annot_json(second))
        keep("remove regions", lambda: regions.delete_sampling_rois_on_slide(first))
        keep("no regions", lambda: regions.slide_sampling_rois(first))
        for name, geometry in REGIONS.items():
            label = self.plan["labels"][name == "trapezoid"]
            made = keep(
                f"create {name}",
                lambda g=geometry, i=label: regions.create_sampling_roi(first, i, g),
            )
            assert isinstance(made, int), keep.answers[f"create {name}"]
        circle = {"type": "circle", "data": [[1, 2], [3, 4]]}
        keep("create circle", lambda: regions.create_sampling_roi(first, label, circle))
        keep("create with no label", lambda: regions.create_sampling_roi(first, 1 << 30, POLYGON))
        keep("get nothing", lambda: draw.get_slide_annot_json(third))

    def counts(self, draw: Any, slide: int) -> dict[str, Any]:
        manifest = draw.slide_manifest()
        row = next(row for row, each in manifest["id"].items() if each == slide)
        return {name: manifest[name][row] for name in ("n_paths", "n_markers", "n_annot")}

    def read(self) -> None:
        """Ask for all there is, and change nothing."""
        self.read_listings()
        self.read_manifests()
        self.read_drawings()
        self.read_labelled()
        for name, number in self.plan["slides"].items():
            self.read_slide(name, number)
        for name, (slide, centre, level, size, tile_size) in PATCHES.items():
            self.read_patch(name, slide, (centre, level, size, tile_size))
        for name, geometry in REGIONS.items():
            self.read_tiles(name, geometry)
        self.read_hidden()

    def read_listings(self) -> None:
        keep, client, project = self.keep, self.client, self.plan["project"]
        keep("projects", client.project_listing)
        keep("tasks", lambda: client.task_listing(project))
        keep("anonymize", lambda: client.anonymize)
        keep("private access", lambda: client.get_project_private_access(project))
        keep("private access elsewhere", lambda: client.get_project_private_access("nowhere"))
        keep("tasks of nowhere", lambda: client.task_listing("nowhere"))
        for name in self.plan["tasks"]:
            task = self.task(name)
            keep(f"detail of {name}", lambda t=task: t.detail)
            keep(f"project of {name}", lambda t=task: [t.project, t.task_id])
            keep(f"label set of {name}", lambda t=task: t.labelset and t.labelset.labelset_id)
        keep("labels", self.task("boxes").labelset.label_listing)
        nowhere = self.module.Labelset(client, project, 1 << 30)
        keep("labels of nowhere", nowhere.label_listing)
        task = self.plan["tasks"]["draw"]
        keep("wrong mode", lambda: self.module.SamplingROITask(client, task))
        keep("no such task", lambda: self.module.Task(client, 1 << 30))

    def read_manifests(self) -> None:
        for name, conditions in {
            "everything": {},
            "specimen": {"specimen": "a%"},
            "block": {"block": "_1"},
            "section": {"section": "2"},
            "section as a number": {"section": 2},
            "slide": {"slide": 9},
            "stain": {"stain": "NISSL"},
            "stain in another case": {"stain": "nissl"},
            "least paths of 0": {"min_paths": 0},
            "least paths": {"min_paths": 1},
            "least markers": {"min_markers": 1},
            "any tags": {"tags_any": ["only 1", "only 3"]},
            "all tags": {"tags_all": ["all", "only 2"]},
            "no tags": {"tags_none": ["only 1"]},
            "empty tags": {"tags_none": []},
            "several": {"specimen": "Ada", "stain": "NISSL", "tags_any": ["only 2"]},
            "nothing": {"stain": "none"},
        }.items():
            draw = self.task("draw")
            self.keep(f"manifest by {name}", lambda c=conditions, t=draw: t.slide_manifest(**c))
        for name in ("copy", "boxes", "regions", "browse"):
            self.keep(f"manifest of {name}", lambda n=name: self.task(n).slide_manifest())
        regions = self.task("regions")
        self.keep("manifest by least regions", lambda: regions.slide_manifest(min_sroi=1))
        self.keep("manifest by what it lacks", lambda: regions.slide_manifest(min_paths=1))

    def read_drawings(self) -> None:
        keep, draw, copy = self.keep, self.task("draw"), self.task("copy")
        for name, number in self.plan["slides"].items():
            keep(f"drawing on {name}", lambda i=number: draw.get_slide_annot_json(i))
            keep(f"time on {name}", lambda i=number: draw.get_slide_annot_timestamp(i))
            keep(f"reference on {name}", lambda i=number: copy.get_slide_annot_json(i))
            keep(f"own time on {name}", lambda i=number: copy.get_slide_annot_timestamp(i))
            keep(f"svg on {name}", lambda i=number: draw.get_slide_annot_svg(i))
        first, second, _ = self.plan["slides"].values()
        keep("svg in strips", lambda: draw.get_slide_annot_svg(first, 700, 10, 60))
        options = {"stroke_width": 12, "font_size": "99.5pt", "font_color": "#ff0000"}
        keep("svg with options", lambda: draw.get_slide_annot_svg(second, 1000, **options))
        file = str(keep.folder / "drawing.svg")
        keep("svg into a file", lambda: draw.get_slide_annot_svg(first, filename=file))
        keep("svg in the file", lambda: Path(file).read_bytes())
        file = str(keep.folder / "exported.json")
        keep("exported", lambda: draw.export_task_annots(file))
        keep("exported file", lambda: json.loads(Path(file).read_text()))
        keep("drawing on no slide", lambda: draw.get_slide_annot_json(1 << 30))

    def read_labelled(self) -> None:
        keep, boxes, regions = self.keep, self.task("boxes"), self.task("regions")
        first, second, third = self.plan["slides"].values()
        keep("samples", lambda: boxes.slide_training_samples(first))
        keep("samples on another", lambda: boxes.slide_training_samples(second))
        for place, number in enumerate(self.plan["samples"]):
            keep(f"sample {place}", lambda i=number: boxes.get_sample_image(i))
        keep("no such sample", lambda: boxes.get_sample_image(1 << 30))
        keep("regions", lambda: regions.slide_sampling_rois(first))
        keep("label image", lambda: regions.slide_sampling_roi_nifti_image(first, max_dim=400))
        keep("large label image", lambda: regions.slide_sampling_roi_nifti_image(first))
        keep("empty label image", lambda: regions.slide_sampling_roi_nifti_image(second))
        keep("label image without a size", lambda: regions.slide_sampling_roi_nifti_image(third))
        file = str(keep.folder / "labels.nii.gz")
        keep(
            "label image into a file",
            lambda: regions.slide_sampling_roi_nifti_image(first, file, max_dim=400),
        )
        keep("label image in the file", lambda: Path(file).read_bytes())

    def read_slide(self, name: str, number: int) -> None:
        keep, slide = self.keep, self.module.Slide(self.task("draw"), number)
        keep(f"detail of {name}", lambda: slide.detail)
        for each in (
            *("dimensions", "spacing", "level_dimensions", "level_downsamples", "properties"),
            *("fullpath", "tags", "stain", "block_name", "section", "slide_number"),
            *("specimen_private", "specimen_public"),
        ):
            keep(f"{each} of {name}", lambda a=each: getattr(slide, a))
        keep(f"thumbnail of {name}", lambda: slide.thumbnail_nifti_image(max_dim=400))
        file = str(keep.folder / f"{name}.nii.gz".replace(" ", "-"))
        keep(f"thumbnail of {name} in a file", lambda: slide.thumbnail_nifti_image(file))
        keep(f"bad level of {name}", lambda: slide.get_patch((9, 9), 9, (5, 5), tile_size=0))

    def read_patch(self, name: str, slide_name: str, asked: tuple[Any, ...]) -> None:
        slide = self.module.Slide(self.task("browse"), self.plan["slides"][slide_name])
        self.keep(f"patch {name}", lambda: slide.get_patch(*asked))

    def read_tiles(self, name: str, geometry: dict[str, Any]) -> None:
        keep = self.keep
        slide = self.module.Slide(self.task("regions"), next(iter(self.plan["slides"].values())))
        extractor = self.module.SamplingROIPatchExtractor(
            slide, geometry, tile_size=256, padding=20, sub_tiles_per_tile=16
        )
        indices, _ = keep(f"tiles of {name}", extractor.tiles)
        keep(f"density of {name}", extractor.tile_mask_density)
        keep(f"fine density of {name}", extractor.subtile_mask_density)
        keep(f"place of {name}", lambda: [int(extractor.tx), int(extractor.ty)])
        keep(f"moved {name}", lambda: extractor.translate_geom(geometry, 10.5, -3))
        for place, index in enumerate(indices):
            keep(f"tile {place} of {name}", lambda i=index: extractor.get_tile_patch_and_mask(i))
            keep(f"origin {place} of {name}", lambda i=index: extractor.tile_patch_origin(i))

    def read_hidden(self) -> None:
        keep, client = self.keep, self.client
        client.anonymize = True
        keep("hidden", lambda: client.anonymize)
        keep("hidden access", lambda: client.get_project_private_access(self.plan["project"]))
        draw = self.task("draw")
        keep("hidden manifest", draw.slide_manifest)
        keep("hidden manifest by specimen", lambda: draw.slide_manifest(specimen="Ada"))
        first = next(iter(self.plan["slides"].values()))
        keep("hidden slide", lambda: self.module.Slide(draw, first).detail)
        client.anonymize = False
        keep("shown", lambda: client.anonymize)
        keep("shown slide", lambda: self.module.Slide(draw, first).detail)

    def refused(self) -> None:
        """Come with a wrong key, and with the key of somebody who may see nothing."""
        keep, module, plan = self.keep, self.module, self.plan
        keep("wrong key", lambda: module.Client(self.url, self._key("nobody")) and None)
        keep("missing key file", lambda: module.Client(self.url, self._key("missing")) and None)
        client = module.Client(self.url, self._key("outsider"))
        keep("projects of an outsider", client.project_listing)
        keep("tasks of an outsider", lambda: client.task_listing(plan["project"]))
        keep("access of an outsider", lambda: client.get_project_private_access(plan["project"]))
        for name, number in plan["tasks"].items():
            keep(f"{name} of an outsider", lambda i=number: module.Task(client, i) and None)
        boxes, draw, regions = self.task("boxes"), self.task("draw"), self.task("regions")
        label_set = boxes.labelset
        first, *_ = plan["slides"].values()
        slide = module.Slide(draw, first)
        for each in (boxes, draw, regions, label_set, slide):
            each.client = client
        boxes._labelset = None
        label, sample = plan["labels"][0], plan["samples"][0]
        for name, call in {
            "manifest": draw.slide_manifest,
            "drawing": lambda: draw.get_slide_annot_json(first),
            "drawing on": lambda: draw.set_slide_annot_json(first, EMPTY),
            "svg": lambda: draw.get_slide_annot_svg(first),
            "time": lambda: draw.get_slide_annot_timestamp(first),
            "label set": lambda: boxes.labelset.labelset_id,
            "labels": label_set.label_listing,
            "samples": lambda: boxes.slide_training_samples(first),
            "sample": lambda: boxes.get_sample_image(sample),
            "regions": lambda: regions.slide_sampling_rois(first),
            "outlining": lambda: regions.create_sampling_roi(first, label, POLYGON),
            "removal": lambda: regions.delete_sampling_rois_on_slide(first),
            "label image": lambda: regions.slide_sampling_roi_nifti_image(first),
            "slide": lambda: module.Slide(draw, first).detail,
            "dimensions": lambda: slide.dimensions,
            "properties": lambda: slide.properties,
            "path": lambda: slide.fullpath,
            "tags": lambda: slide.tags,
            "patch": lambda: slide.get_patch((9, 9), 0, (5, 5), tile_size=0),
        }.items():
            keep(f"outsider's {name}", call)


def main(name: str, steps: str, url: str, keys: str, plan: str, folder: str) -> None:
    module = importlib.import_module(MODULES[name])
    keep = Kept(Path(folder))
    description = described(module)
    used = watched(module)
    calls = Calls(module, url, Path(keys), json.loads(Path(plan).read_text()), keep)
    for step in steps.split(","):
        getattr(calls, step)()
    keep.write(used=sorted(used), described=description)


if __name__ == "__main__":
    main(*sys.argv[1:])
