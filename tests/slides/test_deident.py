"""Nothing that may tell who the patient is leaves a slide file."""

from __future__ import annotations

from pathlib import Path

import openslide
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsi_lab.slides import deident
from wsi_lab.slides.deident import (
    FORMAT_NAMES,
    LONGEST_VALUE,
    MOST_PROPERTIES,
    safe_associated,
    safe_metadata,
)

EVERY_NAME = sorted({*deident._EVERY_FORMAT, *(n for v in deident._BY_VENDOR.values() for n in v)})

NAMES_OF_SECRETS = (
    "User", "Date", "Time", "Barcode", "Filename", "ScanScope ID", "Reference", "Created",
    "Serial", "PatientName", "PatientID", "PatientBirthDate", "AccessionNumber", "SLIDE_ID",
    "SLIDE_NAME", "CREATIONDATETIME", "UID", "Physician", "Operator", "UnitNumber", "Title",
    "comment", "quickhash", "Description", "Software", "DateTime", "Artist", "HostComputer",
)  # fmt: skip


def test_no_list_has_a_name_that_speaks_of_people_times_or_places() -> None:
    for name in EVERY_NAME:
        for secret in NAMES_OF_SECRETS:
            # OpenSlide's "…Time" of an exposure is a length of time.
            assert secret not in name.removesuffix("Exposure Time"), name


@pytest.mark.parametrize("vendor", sorted(FORMAT_NAMES))
@pytest.mark.parametrize(
    "secret",
    [
        "CANARY-Doe, Jane",
        "Doe^Jane",
        "S19-1234",
        "12/29/09",
        "2019-08-22",
        "b414003d-95c6-48b0-9369-8010ed517ba7",
        "Jane",
        "<b>20</b>",
        "20\nPatient: Jane",
        "1.2.826.0.1.3680043.8.498.25547727731242830391830454722824599650",
    ],
)
def test_words_about_a_patient_leave_in_no_property(vendor: str, secret: str) -> None:
    spacings = {name for name in EVERY_NAME if "SPACING" in name or "LOSSY" in name}
    stated = dict.fromkeys(
        (*EVERY_NAME, *(f"{vendor}.{name}" for name in NAMES_OF_SECRETS)), secret
    )
    left = safe_metadata(FORMAT_NAMES[vendor], stated)
    assert set(left) <= spacings if "Doe" not in secret and "Jane" not in secret else not left


def test_only_the_lists_of_its_own_format_apply() -> None:
    stated = {"aperio.MPP": "0.5", "hamamatsu.SourceLens": "20", "openslide.mpp-x": "0.5"}
    assert safe_metadata("Aperio SVS", stated) == {"aperio.MPP": "0.5", "openslide.mpp-x": "0.5"}
    assert safe_metadata("of nobody known", stated) == {"openslide.mpp-x": "0.5"}


@pytest.mark.parametrize(
    "model",
    [
        "Aperio AT2",
        "NanoZoomer S360",
        "Leica SCN400",
        "Pannoramic 250 Flash III",
        "UFS Scanner",
        "VENTANA DP 200",
        "Axio Scan.Z1",
        "Hamamatsu",
        "3DHISTECH Ltd.",
        "Roche",
        "GT450",
        "Plan-Apochromat 20x/0.8",
    ],
)
def test_scanners_are_named(model: str) -> None:
    assert safe_metadata("DICOM", {"dicom.ManufacturerModelName": model})


def test_control_characters_and_long_values_do_not_leave() -> None:
    stated = {"aperio.MPP": "0.\x00\x1b49\u202e9", "aperio.AppMag": "2" * (LONGEST_VALUE + 1)}
    assert safe_metadata("Aperio SVS", stated) == {"aperio.MPP": "0.499"}


@given(
    st.sampled_from(sorted(FORMAT_NAMES.values())),
    st.dictionaries(st.sampled_from(EVERY_NAME) | st.text(max_size=20), st.text(max_size=200)),
)
def test_whatever_a_file_states_little_leaves(format_name: str, stated: dict[str, str]) -> None:
    left = safe_metadata(format_name, stated)
    assert len(left) <= MOST_PROPERTIES
    assert left.keys() <= stated.keys() & set(EVERY_NAME)
    assert all(len(value) <= LONGEST_VALUE and value.isprintable() for value in left.values())


def test_images_beside_the_pyramid_are_known_by_kind_only() -> None:
    assert safe_associated(("label", "Doe, Jane", "macro", "b414")) == ("label", "macro")


@pytest.mark.parametrize(
    ("name", "kept", "secrets"),
    [
        (
            "CMU-1-Small-Region.svs",
            {"aperio.AppMag": "20", "aperio.MPP": "0.4990", "openslide.objective-power": "20"},
            ("b414003d", "CPAPERIOCS", "12/29/09", "09:59:15", "CMU-1", "USM", "1004486"),
        ),
        (
            "dicom-tiny-sm.dcm",
            {"dicom.PhotometricInterpretation": "RGB", "dicom.ImagedVolumeHeight": None},
            ("Test^Patient", "AA01", "S19-1", "17890505", "Physician", "abcd", "1.2.826"),
        ),
    ],
)
def test_what_real_files_state_of_patients_stays(
    shared_data: Path, name: str, kept: dict[str, str | None], secrets: tuple[str, ...]
) -> None:
    with openslide.OpenSlide(str(shared_data / "slides" / name)) as slide:
        stated = dict(slide.properties)
    format_name = FORMAT_NAMES[stated["openslide.vendor"]]
    left = safe_metadata(format_name, stated)
    assert kept.keys() <= left.keys()
    assert all(left[key] == value for key, value in kept.items() if value is not None)
    everything = " ".join((*stated, *stated.values()))
    for secret in secrets:
        assert secret in everything
        assert secret not in " ".join((*left, *left.values()))
