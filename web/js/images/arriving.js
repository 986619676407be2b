/** Pictures that come to the page by themselves: dropped or pasted, as files or out of another page. */

const IMAGE_ADDRESS = /^(?:data:image\/|https?:\/\/|blob:)/i;
const BASE64 = ";base64";
const PATIENCE_MS = 15_000;

/**
 * What a drop or the clipboard holds. To be asked at once: it is empty after the event.
 * @param {DataTransfer} transfer
 * @returns {{files: File[], address: string|null}} `address`: of a picture of another page.
 */
export function picturesIn(transfer) {
  const files = [...transfer.files];
  if (files.length > 0) return { files, address: null };
  const told = [pictureOf(transfer.getData("text/html")), firstOf(transfer.getData("text/uri-list")), transfer.getData("text/plain").trim()];
  return { files, address: told.find((address) => address && IMAGE_ADDRESS.test(address) && !/\s/.test(address)) ?? null };
}

/** @returns {boolean} whether a drag that is over the page may bring pictures. */
function mayBring(transfer) {
  return ["Files", "text/html", "text/uri-list"].some((type) => transfer.types.includes(type));
}

/**
 * Listens on the whole page: a picture may be dropped beside a frame, and must not replace the page.
 * `onDrag(isOver, target)` while one is dragged over it; `onPictures(transfer, target)` answers whether it took any.
 */
export function listenForPictures({ onDrag, onPictures }) {
  const isOurs = ({ dataTransfer, target }) => dataTransfer && mayBring(dataTransfer) && !(isEditable(target) && !dataTransfer.types.includes("Files"));
  for (const type of ["dragenter", "dragover"]) {
    addEventListener(type, (event) => {
      if (!isOurs(event)) return;
      event.preventDefault();
      onDrag(!isInDialog(event.target), event.target);
    });
  }
  addEventListener("dragleave", (event) => event.relatedTarget === null && onDrag(false));
  addEventListener("drop", (event) => {
    onDrag(false);
    if (!isOurs(event)) return;
    event.preventDefault();
    if (!isInDialog(event.target)) onPictures(event.dataTransfer, event.target);
  });
  addEventListener("paste", (event) => {
    const { clipboardData: copied, target } = event;
    // Text that is copied together with its picture is text to a text field.
    if (!copied || isInDialog(target) || (isEditable(target) && copied.getData("text/plain") !== "")) return;
    if (onPictures(copied, target)) event.preventDefault();
  });
}

function isEditable(target) {
  return target instanceof Element && target.matches("textarea, input:not([type=file], [type=radio], [type=checkbox], [type=range])");
}

function isInDialog(target) {
  return document.querySelector("dialog:modal") !== null || (target instanceof Element && target.closest("dialog") !== null);
}

/**
 * Gets a picture of another page, which has to allow it (CORS). Nothing of the person goes there.
 * @returns {Promise<File>} throws where it cannot be got.
 */
export async function fetchPicture(address) {
  if (/^data:/i.test(address)) return fromDataAddress(address);
  const response = await fetch(address, { credentials: "omit", referrerPolicy: "no-referrer", signal: AbortSignal.timeout(PATIENCE_MS) });
  if (!response.ok) throw new Error(`it answered ${response.status}`);
  const blob = await response.blob();
  const name = decodeURIComponent(new URL(address).pathname.split("/").pop() ?? "").replace(/[^\p{L}\p{N}._-]/gu, "") || "image";
  return new File([blob], name, { type: blob.type });
}

/** A page may not fetch these under the content security policy, and need not. */
function fromDataAddress(address) {
  const comma = address.indexOf(",");
  const head = address.slice("data:".length, comma);
  const data = decodeURIComponent(address.slice(comma + 1));
  const text = head.endsWith(BASE64) ? atob(data.replace(/\s/g, "")) : data;
  return new File([Uint8Array.from(text, (letter) => letter.charCodeAt(0))], "image", { type: head.split(";")[0] });
}

/** What is read so is never shown: no script of it runs, and nothing of it is loaded. */
function pictureOf(html) {
  return html ? (new DOMParser().parseFromString(html, "text/html").querySelector("img[src]")?.getAttribute("src") ?? null) : null;
}

function firstOf(list) {
  return list.split(/\r?\n/).find((line) => line && !line.startsWith("#")) ?? null;
}
