import { Invalid } from "./errors.js";

const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Reads "45s", "30m", "12h" or "7d"; returns seconds. */
export function parseDuration(text: string): number {
  const match = /^(\d+)([smhd])$/.exec(text.trim());
  if (!match) {
    throw new Invalid(`"${text}" is not a duration such as 30m or 7d`);
  }
  return Number(match[1]) * SECONDS[match[2]!]!;
}

/** Writes seconds the way that people read them: "2d 3h", "4m". */
export function formatDuration(seconds: number): string {
  const parts: string[] = [];
  let rest = Math.round(seconds);
  for (const [unit, length] of Object.entries(SECONDS).reverse()) {
    const count = Math.floor(rest / length);
    if (count > 0) {
      parts.push(`${count}${unit}`);
      rest -= count * length;
    }
  }
  return parts.slice(0, 2).join(" ") || "0s";
}
