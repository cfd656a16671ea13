import { describe, expect, it } from "vitest";
import { presenceNews } from "../src/room/presence/people.ts";
import { isolate } from "../src/ui/isolate.ts";

describe("names in words of ours", () => {
  it.each(["Ada", "Grace Hopper", "Zoë 1.", "李娜", "Ωmega", "👩‍👩‍👧‍👦", "नमिता\u200c", ""])("%j can't turn anything", (name) => expect(isolate(name)).toBe(name));

  it.each(["שרה", "أحمد (1)", "Ada \u05d0", "\u{1e922}\u{1e923}"])("%j runs by itself", (name) => expect(isolate(name)).toBe(`\u2068${name}\u2069`));

  it("takes away what would reach beyond the name", () => {
    expect(isolate("a\u202eb\u2069c\u2066")).toBe("\u2068abc\u2069");
  });

  it("stand so in what a screen reader is told", () => {
    const person = (name: string) => ({ userId: name, name, status: "active" }) as const;
    expect(presenceNews([], [person("שרה"), person("Ada")])).toBe("\u2068שרה\u2069 and Ada joined.");
  });
});
