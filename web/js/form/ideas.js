// @ts-check
/** What a form offers to somebody who starts: samples of each kind, and scenes. Their words are in js/words/, by id. */

/** @typedef {{images: Record<string, string>, preset?: string}} Sample  `images`: files of samples/ by field; its words are `sample.<kind>.<number>` */

/** @type {Record<string, Sample[]>} */
export const SAMPLES = {
  ppl: [
    { images: { input_image_1: "character-haneul", input_image_2: "product-can" } },
    { images: { input_image_1: "character-jun", input_image_2: "product-serum" } },
    { images: { input_image_1: "character-jun", input_image_2: "product-can" } },
  ],
  goods: [
    { images: { input_image: "character-haneul" }, preset: "tshirt" },
    { images: { input_image: "character-jun" }, preset: "cushion" },
    { images: { input_image: "character-haneul" }, preset: "mug" },
  ],
};

/** @type {Record<string, string[]>} each kind's scenes: `scene.<id>` names one, `scene.<id>.prompt` describes it. */
export const SCENES = { ppl: ["cafe", "store", "classroom", "street", "home", "field", "rooftop", "blossom"] };

/**
 * @param {string} text @param {(key: string) => string} t
 * @returns {string|null} the key of a description that is written here already, in the language that is on.
 */
export function keyOfWords(text, t) {
  const keys = [
    ...Object.values(SCENES).flat().map((id) => `scene.${id}.prompt`),
    ...Object.entries(SAMPLES).flatMap(([kind, samples]) => samples.map((_, index) => `sample.${kind}.${index}`)),
  ];
  return keys.find((key) => t(key) === text) ?? null;
}

/** @param {string} name @returns {Promise<File>} a sample's picture. Throws where it cannot be loaded. */
export async function samplePicture(name) {
  const response = await fetch(`samples/${name}.jpg`);
  if (!response.ok) throw new Error(name);
  return new File([await response.blob()], `${name}.jpg`, { type: "image/jpeg" });
}
