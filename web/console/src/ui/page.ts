import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { isolate } from "./isolate.ts";

/**
 * Names the tab, and moves the focus to the page's heading when the page
 * opens, so that a screen reader says where it is. The heading needs
 * `tabIndex={-1}`.
 */
export function usePage(title: string): RefObject<HTMLHeadingElement | null> {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = title === "Rapport" ? title : `${isolate(title)} · Rapport`;
  }, [title]);
  useEffect(() => {
    heading.current?.focus({ preventScroll: true });
  }, []);
  return heading;
}
