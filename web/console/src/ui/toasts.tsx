/** Short messages at the edge of the page; the newest three are shown. */
import { type ComponentChildren, createContext } from "preact";
import { useCallback, useContext, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { describe } from "../problem.ts";
import { CloseIcon } from "./icons.tsx";

export interface Toast {
  readonly text: string;
  /** A problem stays until it is closed. */
  readonly tone?: "problem" | "info";
  readonly action?: { readonly label: string; readonly run: () => void };
}

export interface Toaster {
  show(toast: Toast): void;
  /** Shows what went wrong. */
  fail(error: unknown): void;
}

const most = 3;
const infoMs = 6_000;

const Context = createContext<Toaster | undefined>(undefined);

export function useToasts(): Toaster {
  const toaster = useContext(Context);
  if (!toaster) throw new Error("useToasts outside of Toasts");
  return toaster;
}

export function Toasts({ children }: { readonly children: ComponentChildren }) {
  const [toasts, setToasts] = useState<readonly (Toast & { key: number })[]>([]);
  const keys = useRef(0);
  const show = useCallback((toast: Toast) => {
    const key = ++keys.current;
    // The same words again replace the earlier ones instead of piling up.
    setToasts((all) => [...all.filter((other) => other.text !== toast.text), { ...toast, key }].slice(-most));
  }, []);
  const close = useCallback((key: number) => setToasts((all) => all.filter((toast) => toast.key !== key)), []);
  const toaster = useMemo<Toaster>(() => ({ show, fail: (error) => show({ text: describe(error), tone: "problem" }) }), [show]);
  return (
    <Context.Provider value={toaster}>
      {children}
      <div class="toasts" role="region" aria-label="Messages">
        {toasts.map((toast) => (
          <ToastView key={toast.key} toast={toast} onClose={() => close(toast.key)} />
        ))}
      </div>
    </Context.Provider>
  );
}

function ToastView({ toast, onClose }: { readonly toast: Toast; readonly onClose: () => void }) {
  const problem = toast.tone === "problem";
  useEffect(() => {
    if (problem || toast.action) return;
    const timer = setTimeout(onClose, infoMs);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div class="toast" data-tone={toast.tone ?? "info"} role={problem ? "alert" : "status"}>
      <p>{toast.text}</p>
      {toast.action && (
        <button type="button" class="quiet" onClick={toast.action.run}>
          {toast.action.label}
        </button>
      )}
      <button type="button" class="quiet round" aria-label="Dismiss" onClick={onClose}>
        <CloseIcon />
      </button>
    </div>
  );
}
