import { useEffect, useRef, useState } from "preact/hooks";
import { Avatar } from "../../ui/Avatar.tsx";
import { isolate } from "../../ui/isolate.ts";
import { presenceNews, type PresentPerson, statusWords } from "./people.ts";

/** More than so many are a number. */
const most = 7;
/** Those who come and go together are told together; a reload is neither. */
const settleMs = 1_500;

interface PresenceListProps {
  readonly people: readonly PresentPerson[];
  readonly self: string;
  /** Whether this window hears who comes and goes; without, it shows who was there. */
  readonly live: boolean;
}

/** Who is there now, as discs. */
export function PresenceList({ people, self, live }: PresenceListProps) {
  const sorted = [...people].sort((a, b) => Number(b.userId === self) - Number(a.userId === self));
  const shown = sorted.length > most ? sorted.slice(0, most - 1) : sorted;
  const more = sorted.length - shown.length;
  return (
    <ul class="here" aria-label={live ? "Here now" : "Here when last connected"} data-live={live} data-count={people.length}>
      {shown.map(({ userId, name, status }) => {
        const words = `${isolate(name)}${userId === self ? " (you)" : ""}: ${statusWords[status]}`;
        return (
          <li key={userId} class="here-one" data-presence={status} title={words}>
            <Avatar id={userId} name={name} />
            <span class="hidden">{words}</span>
            {status === "typing" && <span class="here-typing" aria-hidden="true" />}
          </li>
        );
      })}
      {more > 0 && (
        <li class="here-more">
          +{more}
          <span class="hidden"> more</span>
        </li>
      )}
    </ul>
  );
}

/** Tells a screen reader who came and who left, politely. */
export function PresenceAnnouncer({ people, self, known }: { readonly people: readonly PresentPerson[]; readonly self: string; readonly known: boolean }) {
  const told = useRef<readonly PresentPerson[]>(undefined);
  const [words, setWords] = useState("");
  const others = people.filter(({ userId }) => userId !== self);
  const ids = others.map(({ userId }) => userId).join(" ");
  useEffect(() => {
    if (!known) return;
    if (!told.current) {
      told.current = others; // those who were here first
      return;
    }
    const before = told.current;
    const timer = setTimeout(() => {
      setWords(presenceNews(before, others));
      told.current = others;
    }, settleMs);
    return () => clearTimeout(timer);
  }, [ids, known]);
  return (
    <p class="hidden" role="status" aria-live="polite" data-comings>
      {words}
    </p>
  );
}
