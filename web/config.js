/**
 * Where the API lives, and where its callers sign in. The only file a deployment rewrites (infra/package_page.py): keep "/api" when
 * page and API share an origin, or put the API's own address here, e.g. "https://func-toonconnect.azurewebsites.net/api".
 */
export const apiBase = "/api";
/** `null` when nobody has to sign in, else { issuer, clientId, scope } of an OpenID provider. */
export const signIn = null;
