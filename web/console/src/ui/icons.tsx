/** Drawn here, so that nothing is fetched. 20 by 20, in the text's colour, decorative. */
import type { ComponentChildren } from "preact";

function Icon({ children }: { readonly children: ComponentChildren }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" width="20" height="20" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      {children}
    </svg>
  );
}

export const PlusIcon = () => <Icon><path d="M10 4v12M4 10h12" /></Icon>;
export const BackIcon = () => <Icon><path d="M12 4l-6 6 6 6" /></Icon>;
export const NextIcon = () => <Icon><path d="M8 4l6 6-6 6" /></Icon>;
export const CloseIcon = () => <Icon><path d="M5 5l10 10M15 5L5 15" /></Icon>;
export const SunIcon = () => <Icon><circle cx="10" cy="10" r="3.4" /><path d="M10 2.2v1.6M10 16.2v1.6M2.2 10h1.6M16.2 10h1.6M4.5 4.5l1.1 1.1M14.4 14.4l1.1 1.1M15.5 4.5l-1.1 1.1M5.6 14.4l-1.1 1.1" /></Icon>;
export const MoonIcon = () => <Icon><path d="M16.5 11.8A6.8 6.8 0 018.2 3.5a6.8 6.8 0 108.3 8.3z" /></Icon>;
export const SystemIcon = () => <Icon><circle cx="10" cy="10" r="6.8" /><path d="M10 3.2v13.6a6.8 6.8 0 000-13.6z" fill="currentColor" /></Icon>;
export const PeopleIcon = () => <Icon><circle cx="7.5" cy="7" r="2.8" /><path d="M2.2 16.2c.4-3 2.5-4.6 5.3-4.6s4.9 1.6 5.3 4.6M13 4.5a2.8 2.8 0 010 5.1M14.9 12.2c1.6.7 2.6 2.1 2.9 4" /></Icon>;
export const NotesIcon = () => <Icon><path d="M4.5 3.5h11v13h-11zM7.5 7.2h5M7.5 10h5M7.5 12.8h3" /></Icon>;
export const UndoIcon = () => <Icon><path d="M7.5 4.5L4 8l3.5 3.5M4 8h7.5a4 4 0 010 8H8.5" /></Icon>;
export const RedoIcon = () => <Icon><path d="M12.5 4.5L16 8l-3.5 3.5M16 8H8.5a4 4 0 000 8h3" /></Icon>;
export const HistoryIcon = () => <Icon><path d="M4.4 6.2A6.8 6.8 0 113.2 10M4 3v3.4h3.4M10 6.4V10l2.6 1.7" /></Icon>;
export const EditIcon = () => <Icon><path d="M13.2 4.2l2.6 2.6L7.4 15.2l-3.2.6.6-3.2zM11.4 6l2.6 2.6" /></Icon>;
export const ChartIcon = () => <Icon><path d="M3.5 3.5v13h13M6.5 12.5l3-4 2.5 2.5 4-5.5" /></Icon>;

/** The product's mark: two circles that share something. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
      <circle cx="12" cy="16" r="9" class="mark-left" />
      <circle cx="20" cy="16" r="9" class="mark-right" />
      <path d="M16 7.94a9 9 0 010 16.12 9 9 0 010-16.12z" class="mark-both" />
    </svg>
  );
}
