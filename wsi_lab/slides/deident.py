"""Which properties and pictures of a slide file may leave the house.

Everything is closed unless it is listed here: what a scanner writes into a file is free text of
many hands, and patients' names have been found in fields meant for focus values. So a property
leaves only when its **name** is on the list of its format and its **value** has the shape that
name calls for: a number where a number belongs, and for scanner models only words that scanner
makers use. Dates, operators, barcodes, file names, identifiers, serial numbers and descriptions
are on no list. The version of a scanner's software is not either: makers put build dates in it.

Names are those OpenSlide gives (``aperio.MPP``, ``dicom.ManufacturerModelName``); a reader that
parses a file by itself uses the same names. Why a format's list is as it is stands beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum

LONGEST_VALUE = 64
MOST_PROPERTIES = 64

ASSOCIATED_NAMES = (
    "label",
    "macro",
    "overview",
    "thumbnail",
    "slide",
    "slide thumbnail",
    "map",
)
"""Pictures beside the pyramid, by the names readers give them. All may show the paper label (a
thumbnail too: some scanners take it from the macro), so all are closed by default. Other names
are not passed on: a picture can be called after the patient."""


class Shape(Enum):
    """What a value must look like to be passed on."""

    NUMBER = re.compile(r"[+-]?\d{1,12}(\.\d{0,20})?([eE][+-]?\d{1,3})?")
    NUMBERS = re.compile(r"""["+-]?[\d.eE+-]{1,24}"?([ ,;x\\/]{1,2}"?[\d.eE+-]{1,24}"?){0,5}""")
    COLOUR = re.compile(r"#?[0-9A-Fa-f]{6,8}")
    WORD = re.compile(
        r"YES|NO|True|False|true|false|AUTO|MANUAL|inch|centimeter|none|RGB|YBR_FULL_422|YBR_FULL"
        r"|YBR_ICT|YBR_RCT|MONOCHROME1|MONOCHROME2|ORIGINAL|DERIVED|PRIMARY|VOLUME|RESAMPLED|NONE"
        r"|TILED_FULL|TILED_SPARSE|ISO_\d{5}_\d{1,3}|Jpeg|JpegXr|JPEG|JPEG2000|LZW|Uncompressed"
        r"|Gray8|Gray16|Bgr24|Bgr48|brightfield|fluorescence|uint8|uint16|00|01"
    )
    MODEL = re.compile(r"[\w .,()/+-]+")
    """At least one word must be one of `_SCANNER_WORDS`, the others may be type codes (250)."""


_SCANNER_WORDS = frozenset(
    """
    3d 3dhistech akoya aperio apochromat at at2 atlas axio axiocam axioscan biosystems bliss
    capture carl corporation cs cs2 cytation digital dp dx europe evos fast flash fluoview fx
    gmbh gt gt450 hamamatsu hd histech ht huron ihc ii iii inc iscan iscanner iv keyence kg
    leica life ltd microscope microscopy microsystems midi mikroscan mirax motic nanozoomer
    neofluar nikon objective olympus optrascan optronics orion os pannoramic panoramic pathology
    perkinelmer phenoimager philips photonics pixcelldx plan polaris precipoint roche rs scan
    scanner scanscope sciences scn scn400 series slide solutions sq tiles tissue trestle ufs
    ultra vectra ventana virtual vs wsi xr xt z1 zeiss zen
    """.split()  # noqa: SIM905 (sixty words read better as words)
)
_TYPE_CODE = re.compile(
    r"[A-Za-z]{0,3}\d{1,4}[A-Za-z]?(\.\d{1,2})?x?|x\d{2,3}|\d{1,3}x/\d\.\d{1,3}"
)
# "Plan-Apochromat" is two words; "S19-1234" is none, and no type code.
_BETWEEN_WORDS = re.compile(r"[ ,()/]+|(?<!\d)\.|(?<=[A-Za-z])-(?=[A-Za-z])")

_NUMBER, _NUMBERS, _COLOUR, _WORD, _MODEL = (
    Shape.NUMBER,
    Shape.NUMBERS,
    Shape.COLOUR,
    Shape.WORD,
    Shape.MODEL,
)

_EVERY_FORMAT = {
    # OpenSlide's own summary. `openslide.comment` is the raw description, and
    # `openslide.quickhash-1` finds the same slide in another archive: neither is listed.
    "openslide.objective-power": _NUMBER,
    "openslide.mpp-x": _NUMBER,
    "openslide.mpp-y": _NUMBER,
    "openslide.bounds-x": _NUMBER,
    "openslide.bounds-y": _NUMBER,
    "openslide.bounds-width": _NUMBER,
    "openslide.bounds-height": _NUMBER,
    "openslide.background-color": _COLOUR,
    # ImageDescription, DateTime, Artist, HostComputer, DocumentName, Copyright and Software of
    # a TIFF are free text.
    "tiff.ResolutionUnit": _WORD,
    "tiff.XResolution": _NUMBER,
    "tiff.YResolution": _NUMBER,
    "tiff.Make": _MODEL,
    "tiff.Model": _MODEL,
}

_BY_VENDOR: dict[str, dict[str, Shape]] = {
    # The description of an SVS is a list "key = value" in which the same file has the user, the
    # date, the barcode and the scanner's serial number (`ScanScope ID`); `Parmset` and `Title`
    # are typed by operators, `Filename` and `ImageID` lead to the case.
    "aperio": {
        "aperio.AppMag": _NUMBER,
        "aperio.MPP": _NUMBER,
        "aperio.OriginalWidth": _NUMBER,
        "aperio.OriginalHeight": _NUMBER,
        "aperio.Exposure Time": _NUMBER,
        "aperio.Exposure Scale": _NUMBER,
        "aperio.Filtered": _NUMBER,
        "aperio.Focus Offset": _NUMBER,
        "aperio.Gamma": _NUMBER,
        "aperio.StripeWidth": _NUMBER,
        "aperio.ScannerType": _MODEL,
    },
    # `Reference` is what the operator typed, often the case number; `Created`, `Updated` and
    # the serial number are closed.
    "hamamatsu": {
        "hamamatsu.SourceLens": _NUMBER,
        "hamamatsu.PhysicalWidth": _NUMBER,
        "hamamatsu.PhysicalHeight": _NUMBER,
        "hamamatsu.XOffsetFromSlideCentre": _NUMBER,
        "hamamatsu.YOffsetFromSlideCentre": _NUMBER,
        "hamamatsu.LayerSpacing": _NUMBER,
        "hamamatsu.NoLayers": _NUMBER,
        "hamamatsu.Product": _MODEL,
    },
    # `barcode` is the label, decoded; `creation-date` and the collection's name are closed.
    "leica": {
        "leica.aperture": _NUMBER,
        "leica.device-model": _MODEL,
        "leica.illumination-source": _WORD,
        "leica.numerical-aperture": _NUMBER,
        "leica.objective": _NUMBER,
    },
    # SLIDE_ID, SLIDE_NAME, PROJECT_NAME and the barcode's values are the label; creation time
    # and the scanner's hardware ids are closed.
    "mirax": {
        "mirax.GENERAL.CAMERA_TYPE": _MODEL,
        "mirax.GENERAL.IMAGENUMBER_X": _NUMBER,
        "mirax.GENERAL.IMAGENUMBER_Y": _NUMBER,
        "mirax.GENERAL.OBJECTIVE_MAGNIFICATION": _NUMBER,
        "mirax.GENERAL.OBJECTIVE_NAME": _MODEL,
        "mirax.GENERAL.OUTPUT_RESOLUTION": _NUMBER,
        "mirax.LAYER_0_LEVEL_0_SECTION.IMAGE_FORMAT": _WORD,
        "mirax.LAYER_0_LEVEL_0_SECTION.MICROMETER_PER_PIXEL_X": _NUMBER,
        "mirax.LAYER_0_LEVEL_0_SECTION.MICROMETER_PER_PIXEL_Y": _NUMBER,
    },
    # Philips writes DICOM words into XML: acquisition time, device serial number, operator,
    # rack and slot, and the barcode (base64) stand in the same list.
    "philips": {
        "philips.DICOM_BITS_STORED": _NUMBER,
        "philips.DICOM_LOSSY_IMAGE_COMPRESSION_METHOD": _NUMBERS,
        "philips.DICOM_LOSSY_IMAGE_COMPRESSION_RATIO": _NUMBERS,
        "philips.DICOM_MANUFACTURER": _MODEL,
        "philips.DICOM_MANUFACTURERS_MODEL_NAME": _MODEL,
        "philips.DICOM_PIXEL_SPACING": _NUMBERS,
    },
    # `UnitNumber` is the serial number; BarCode1D/2D, UserName, SlideAnnotation, BuildDate and
    # JP2FileName are closed.
    "ventana": {
        "ventana.Magnification": _NUMBER,
        "ventana.ScanRes": _NUMBER,
        "ventana.ScanWhitePoint": _NUMBER,
        "ventana.ScannerModel": _MODEL,
        "ventana.Z-layers": _NUMBER,
        "ventana.Z-spacing": _NUMBER,
    },
    "trestle": {
        "trestle.Background Color": _COLOUR,
        "trestle.JPEG Quality": _NUMBER,
        "trestle.Objective Power": _NUMBER,
        "trestle.White Balance": _COLOUR,
    },
    # A CZI's tree has the document's name, the user, dates, and the label's barcode beside
    # these; only the objective and the picture's size are of use.
    "zeiss": {
        "zeiss.Information.Image.ComponentBitCount": _NUMBER,
        "zeiss.Information.Image.OriginalCompressionMethod": _WORD,
        "zeiss.Information.Image.OriginalEncodingQuality": _NUMBER,
        "zeiss.Information.Image.PixelType": _WORD,
        "zeiss.Information.Image.SizeS": _NUMBER,
        "zeiss.Information.Instrument.Objectives.Objective.LensNA": _NUMBER,
        "zeiss.Information.Instrument.Objectives.Objective.NominalMagnification": _NUMBER,
        "zeiss.Information.Instrument.Objectives.Objective:1.LensNA": _NUMBER,
        "zeiss.Information.Instrument.Objectives.Objective:1.NominalMagnification": _NUMBER,
    },
    # After DICOM PS3.15 annex E (basic profile) everything about patient, study, specimen,
    # container, people, times, devices' serial numbers and every UID must go; what is left of
    # use is how the pixels were made.
    "dicom": {
        "dicom.BitsStored": _NUMBER,
        "dicom.BurnedInAnnotation": _WORD,
        "dicom.DimensionOrganizationType": _WORD,
        "dicom.ExtendedDepthOfField": _WORD,
        "dicom.FocusMethod": _WORD,
        "dicom.ImagedVolumeHeight": _NUMBER,
        "dicom.ImagedVolumeWidth": _NUMBER,
        "dicom.ImageType[0]": _WORD,
        "dicom.ImageType[2]": _WORD,
        "dicom.LossyImageCompression": _WORD,
        "dicom.LossyImageCompressionMethod": _WORD,
        "dicom.LossyImageCompressionRatio": _NUMBER,
        "dicom.Manufacturer": _MODEL,
        "dicom.ManufacturerModelName": _MODEL,
        "dicom.NumberOfOpticalPaths": _NUMBER,
        "dicom.OpticalPathSequence[0].ObjectiveLensNumericalAperture": _NUMBER,
        "dicom.OpticalPathSequence[0].ObjectiveLensPower": _NUMBER,
        "dicom.PhotometricInterpretation": _WORD,
        "dicom.SpecimenLabelInImage": _WORD,
        "dicom.TotalPixelMatrixFocalPlanes": _NUMBER,
    },
    # OME-XML has experimenters, acquisition dates, image names (file names) and free
    # annotations; channel names are stains or antibodies, but typed by hand.
    "ome": {
        "ome.NominalMagnification": _NUMBER,
        "ome.LensNA": _NUMBER,
        "ome.PhysicalSizeX": _NUMBER,
        "ome.PhysicalSizeY": _NUMBER,
        "ome.SizeC": _NUMBER,
        "ome.SizeT": _NUMBER,
        "ome.SizeZ": _NUMBER,
        "ome.Type": _WORD,
    },
}

FORMAT_NAMES: Mapping[str, str] = {
    "aperio": "Aperio SVS",
    "hamamatsu": "Hamamatsu",
    "leica": "Leica SCN",
    "mirax": "MIRAX",
    "philips": "Philips TIFF",
    "ventana": "Ventana",
    "trestle": "Trestle TIFF",
    "zeiss": "Zeiss CZI",
    "dicom": "DICOM",
    "sakura": "Sakura SVSlide",
    "ome": "OME-TIFF",
    "generic-tiff": "TIFF",
}
"""For people, by OpenSlide's name of the vendor."""

_VENDORS = {name: vendor for vendor, name in FORMAT_NAMES.items()}
_NO_VENDOR = "ome"


def safe_metadata(format_name: str, properties: Mapping[str, str]) -> dict[str, str]:
    """Return the properties that cannot tell who the patient is.

    Parameters
    ----------
    format_name
        A value of `FORMAT_NAMES` (or its key); of any other format only the properties that
        every format may have are let through.
    properties
        Everything the file says, by OpenSlide's names.

    Returns
    -------
    dict
        At most `MOST_PROPERTIES` of at most `LONGEST_VALUE` characters, in order of name.

    Examples
    --------
    >>> safe_metadata("Aperio SVS", {"aperio.MPP": "0.4990", "aperio.User": "drjones"})
    {'aperio.MPP': '0.4990'}
    >>> safe_metadata("Aperio SVS", {"aperio.MPP": "S19-1234 Doe"})
    {}
    """
    allowed = _EVERY_FORMAT | _BY_VENDOR.get(_VENDORS.get(format_name, format_name), {})
    safe = {}
    for name in sorted(allowed.keys() & properties.keys()):
        value = " ".join(_without_control_characters(properties[name]).split())
        if value and _has_shape(value, allowed[name]):
            safe[name] = value
    return dict(list(safe.items())[:MOST_PROPERTIES])


def vendor_of_format(format_name: str) -> str:
    """Return OpenSlide's name of the vendor of a format, or ``""`` where it knows none.

    Examples
    --------
    >>> vendor_of_format("MIRAX"), vendor_of_format("OME-TIFF")
    ('mirax', '')
    """
    vendor = _VENDORS.get(format_name, "")
    return "" if vendor == _NO_VENDOR else vendor


def safe_associated(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of associated images that are names of a kind and not of a patient.

    Examples
    --------
    >>> safe_associated(("macro", "Doe, Jane", "label"))
    ('label', 'macro')
    """
    return tuple(name for name in ASSOCIATED_NAMES if name in names)


def _without_control_characters(value: str) -> str:
    return "".join(character for character in value if character.isprintable())


def _has_shape(value: str, shape: Shape) -> bool:
    if len(value) > LONGEST_VALUE or shape.value.fullmatch(value) is None:
        return False
    if shape is not Shape.MODEL:
        return True
    words = [word for word in _BETWEEN_WORDS.split(value) if word]
    known = [word.lower() in _SCANNER_WORDS for word in words]
    return any(known) and all(
        known or _TYPE_CODE.fullmatch(word) for word, known in zip(words, known, strict=True)
    )
