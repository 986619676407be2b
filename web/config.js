// @ts-check
/**
 * Where the API lives, and where its callers sign in. The only file a deployment rewrites (infra/package_page.py): keep "/api" when
 * page and API share an origin, or put the API's own address here, e.g. "https://func-toonconnect.azurewebsites.net/api".
 */
export const apiBase = "/api";
/**
 * `null` when nobody has to sign in, else what an OpenID provider is to be asked with.
 * @type {{issuer: string, clientId: string, scope: string}|null}
 */
export const signIn = null;
