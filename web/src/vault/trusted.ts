/** The one Trusted Types policy of the page, named in its content security policy. It lets this page's own threads start. */

interface Policies {
  createPolicy(name: string, rules: { createScriptURL(address: string): string }): { createScriptURL(address: string): string };
}

let policy: { createScriptURL(address: string): string } | null = null;

/** The address in the form that `new Worker` takes under Trusted Types. Throws if it is not this page's own. */
export function scriptAddress(address: string): string {
  const policies = (globalThis as { trustedTypes?: Policies }).trustedTypes;
  if (!policies) return own(address);
  policy ??= policies.createPolicy('sotto', { createScriptURL: own });
  return policy.createScriptURL(address);
}

function own(address: string): string {
  if (new URL(address, location.href).origin !== location.origin) throw new TypeError('a script from elsewhere');
  return address;
}
