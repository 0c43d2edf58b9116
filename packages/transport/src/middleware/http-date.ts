const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const weekday = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)";
const clock = "(?<hour>\\d\\d):(?<minute>\\d\\d):(?<second>\\d\\d)";
const month = `(?<month>${months.join("|")})`;

// RFC 9110, section 5.6.7: all three have to be understood.
const forms = [
  new RegExp(`^${weekday}, (?<day>\\d\\d) ${month} (?<year>\\d{4}) ${clock} GMT$`),
  new RegExp(
    `^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (?<day>\\d\\d)-${month}-(?<short>\\d\\d) ${clock} GMT$`,
  ),
  new RegExp(`^${weekday} ${month} (?<day>[ \\d]\\d) ${clock} (?<year>\\d{4})$`),
];

/** Milliseconds since the Unix epoch of an HTTP date; `undefined` of anything else. */
export function parseHttpDate(text: string, nowMs: number): number | undefined {
  for (const form of forms) {
    const parts = form.exec(text)?.groups;
    if (parts === undefined) continue;
    const { day, month, hour, minute, second } = parts as Record<string, string>;
    const year =
      parts["year"] === undefined ? fullYear(Number(parts["short"]), nowMs) : Number(parts["year"]);
    const at = Date.UTC(
      year,
      months.indexOf(month as string),
      Number(day),
      Number(hour),
      Number(minute),
      Number(second),
    );
    return Number.isNaN(at) ? undefined : at;
  }
  return undefined;
}

/** Two digits that seem more than 50 years ahead are of the century before. */
function fullYear(short: number, nowMs: number): number {
  const thisYear = new Date(nowMs).getUTCFullYear();
  const year = thisYear - (thisYear % 100) + short;
  return year > thisYear + 50 ? year - 100 : year;
}
