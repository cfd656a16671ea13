import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface FieldProps {
  readonly label: string;
  readonly hint?: string | undefined;
  readonly problem?: string | undefined;
  /** Renders the control with these attributes. */
  readonly children: (control: { id: string; "aria-describedby": string | undefined; "aria-invalid": boolean }) => ComponentChildren;
}

/** A labelled control with its hint and what is wrong with it. */
export function Field({ label, hint, problem, children }: FieldProps) {
  const id = useId();
  const noteId = `${id}-note`;
  const note = problem ?? hint;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, "aria-describedby": note ? noteId : undefined, "aria-invalid": problem !== undefined })}
      {note && (
        <p id={noteId} class={problem ? "field-problem" : "field-hint"} role={problem ? "alert" : undefined}>
          {note}
        </p>
      )}
    </div>
  );
}

/** What is wrong with a whole form. */
export function FormProblem({ text }: { readonly text: string | undefined }) {
  return text ? (
    <p class="form-problem" role="alert">
      {text}
    </p>
  ) : null;
}
