/** Who is there, by person: one may have several windows. */
import type { PresenceStatus, Present } from "@rapport/client";
import { isolate } from "../../ui/isolate.ts";

export interface PresentPerson {
  readonly userId: string;
  readonly name: string;
  /** The liveliest of their windows. */
  readonly status: PresenceStatus;
}

const liveliness: Readonly<Record<PresenceStatus, number>> = { idle: 0, active: 1, typing: 2 };

export function presentPeople(here: readonly Present[]): readonly PresentPerson[] {
  const people = new Map<string, PresentPerson>();
  for (const { userId, displayName, status } of here) {
    const before = people.get(userId);
    if (!before || liveliness[status] > liveliness[before.status]) people.set(userId, { userId, name: displayName, status });
  }
  return [...people.values()].sort((a, b) => a.name.localeCompare(b.name) || a.userId.localeCompare(b.userId));
}

export const statusWords: Readonly<Record<PresenceStatus, string>> = { active: "here", typing: "typing…", idle: "away" };

/** "Ada and Grace joined. Linus left."; empty when nobody did. */
export function presenceNews(before: readonly PresentPerson[], after: readonly PresentPerson[]): string {
  const gone = before.filter(({ userId }) => !after.some((person) => person.userId === userId));
  const come = after.filter(({ userId }) => !before.some((person) => person.userId === userId));
  const say = (people: readonly PresentPerson[], verb: string): string[] => (people.length > 0 ? [`${list(people.map(({ name }) => isolate(name)))} ${verb}.`] : []);
  return [...say(come, "joined"), ...say(gone, "left")].join(" ");
}

const mostNames = 3;

function list(names: readonly string[]): string {
  const shown = names.length > mostNames ? [...names.slice(0, mostNames - 1), `${names.length - mostNames + 1} others`] : names;
  return shown.length > 1 ? `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}` : (shown[0] ?? "");
}
