/** What a form offers to somebody who starts: samples of each kind, and scenes. Their words are in js/words/, by id. */

/** @typedef {{id: string, images: Record<string, string>, preset?: string}} Sample  `images`: files of samples/ by field */

/** @type {Record<string, Sample[]>} */
export const SAMPLES = {
  ppl: [
    { id: "ppl.0", images: { input_image_1: "character-haneul", input_image_2: "product-can" } },
    { id: "ppl.1", images: { input_image_1: "character-jun", input_image_2: "product-serum" } },
    { id: "ppl.2", images: { input_image_1: "character-jun", input_image_2: "product-can" } },
  ],
  goods: [
    { id: "goods.0", images: { input_image: "character-haneul" }, preset: "tshirt" },
    { id: "goods.1", images: { input_image: "character-jun" }, preset: "cushion" },
    { id: "goods.2", images: { input_image: "character-haneul" }, preset: "mug" },
  ],
};

/** @type {Record<string, string[]>} each kind's scenes: `scene.<id>` names one, `scene.<id>.prompt` describes it. */
export const SCENES = { ppl: ["cafe", "store", "classroom", "street", "home", "field", "rooftop", "blossom"] };

/** @returns {string|null} the key of a description that is written here already, in the language that is on or in Korean. */
export function keyOfWords(text, t) {
  const keys = [
    ...Object.values(SCENES).flat().map((id) => `scene.${id}.prompt`),
    ...Object.values(SAMPLES).flat().map(({ id }) => `sample.${id}`),
  ];
  return keys.find((key) => t(key) === text) ?? null;
}

/** @returns {Promise<File>} a sample's picture. Throws where it cannot be loaded. */
export async function samplePicture(name) {
  const response = await fetch(`samples/${name}.jpg`);
  if (!response.ok) throw new Error(name);
  return new File([await response.blob()], `${name}.jpg`, { type: "image/jpeg" });
}
