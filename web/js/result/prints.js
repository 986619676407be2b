// @ts-check
/** How well a picture prints on what its preset is for: shared/domain/printing.py, written again for the browser. */

const CM_PER_INCH = 2.54;

/**
 * @param {import("../api/jobs.js").Output} output
 * @param {import("../form/models.js").Preset[]} presets  those of the server's options
 * @returns {{key: string, values: object, isGood: boolean}|null} null where nothing is printed, or the server does not say on what.
 */
export function printOf(output, presets = []) {
  const print = presets.find(({ id }) => id === output.preset)?.print;
  if (!print) return null;
  const dpi = Math.floor(Math.min(output.width / print.width_cm, output.height / print.height_cm) * CM_PER_INCH);
  const isGood = dpi >= print.least_dpi;
  // The same shape, as large as it still prints well.
  const share = isGood ? 1 : dpi / print.least_dpi;
  const size = [print.width_cm, print.height_cm].map((cm) => Math.floor(cm * share * 10 + 1e-6) / 10).join("×");
  return { key: isGood ? "print.good" : "print.draft", values: { size, dpi }, isGood };
}
