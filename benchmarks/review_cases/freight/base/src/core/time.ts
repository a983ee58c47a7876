/** Reads an ISO 8601 timestamp. */
export function parseTime(text: string): Date {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) {
    throw new RangeError(`"${text}" is not a time`);
  }
  return time;
}

/** Reads seconds since 1970, as version 1 of the API sends them. */
export function fromEpoch(seconds: number): Date {
  return new Date(seconds * 1000);
}
