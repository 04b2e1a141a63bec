// The page of a slide of the source.

import { TileFetcher } from "../../../front/fetching.mjs";
import { showSlide } from "../../../front/page.mjs";
import { Pyramid } from "../../../front/pyramid.mjs";
import { renewal, toldIn } from "../../../front/renewing.mjs";

const slide = toldIn(document.getElementById("slide").textContent);
const pyramid = new Pyramid(slide.levels);

showSlide({
  slide,
  pyramid,
  fetcher: new TileFetcher({ ...slide, renew: renewal(slide) }),
  addressOf: (zoom, column, row) => `${slide.tiles}/${pyramid.level(zoom)}/${column}/${row}.jpg`,
});
