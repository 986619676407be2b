/** Keys that nobody else makes: of requests, of what is kept. On plain http too. */

export { newKey } from "../../vendor/toonconnect.js";
