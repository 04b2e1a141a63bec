"""Where slides are kept that are not on a local disk: buckets, and web servers."""

from wsi_lab.slides.stores.declared import Stores
from wsi_lab.slides.stores.objects import ObjectFacts, ObjectStore, StoreLimits
from wsi_lab.slides.stores.opening import open_store

__all__ = ["ObjectFacts", "ObjectStore", "StoreLimits", "Stores", "open_store"]
