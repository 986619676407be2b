/**
 * Where the API lives. The only file a deployment rewrites: keep "/api" when page and API share an origin, or put the
 * API's own address here, e.g. "https://func-toonconnect.azurewebsites.net/api".
 */
export const apiBase = "/api";
