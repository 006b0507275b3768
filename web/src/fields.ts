/** Reading what came from outside, field by field. */

export type Fields = Record<string, unknown>;

export function asObject(value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed('object');
  return value as Fields;
}

export function asString(value: unknown): string {
  if (typeof value !== 'string') throw malformed('string');
  return value;
}

export function asNumber(value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw malformed('number');
  return value;
}

export function orNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

export function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

export function orEmpty(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

export function malformed(expected: string): Error {
  return new Error(`malformed event: ${expected}`);
}
