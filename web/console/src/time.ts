/** Times in the reader's language and zone, as short as they stay clear. */
import { useEffect, useState } from "preact/hooks";

const minute = 60_000;
const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const near = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" });
const far = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const days = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

/** "today, 14:00", "tomorrow, 09:30", "Tue, 3 Mar, 14:00", "3 Mar 2025, 14:00". */
export function whenText(at: Date, now: Date): string {
  const distance = Math.round((midnight(at) - midnight(now)) / (24 * 60 * minute));
  const day = Math.abs(distance) <= 1 ? days.format(distance, "day") : (at.getFullYear() === now.getFullYear() ? near : far).format(at);
  return `${day}, ${clock.format(at)}`;
}

/** "12 min", "1 h 5 min"; under a minute "less than a minute". */
export function spanText(ms: number): string {
  const total = Math.floor(ms / minute);
  if (total < 1) return "less than a minute";
  const hours = Math.floor(total / 60);
  const minutes = total % 60;
  return [hours && `${hours} h`, minutes && `${minutes} min`].filter(Boolean).join(" ");
}

function midnight(at: Date): number {
  return new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();
}

/** The time now, renewed every `everyMs` while the page is visible. */
export function useNow(everyMs: number): Date {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const tick = (): void => {
      if (!document.hidden) setNow(new Date());
    };
    const timer = setInterval(tick, everyMs);
    document.addEventListener("visibilitychange", tick);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", tick);
    };
  }, [everyMs]);
  return now;
}
