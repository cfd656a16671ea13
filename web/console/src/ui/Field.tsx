import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface FieldProps {
  readonly label: string;
  readonly optional?: boolean;
  readonly problem?: string | undefined;
  /** Renders the control with these attributes. */
  readonly children: (control: { id: string; "aria-describedby": string | undefined; "aria-invalid": boolean }) => ComponentChildren;
}

/** A labelled control and what is wrong with it. */
export function Field({ label, optional, problem, children }: FieldProps) {
  const id = useId();
  const noteId = `${id}-note`;
  return (
    <div class="field">
      <label for={id}>
        {label}
        {optional && <span class="optional"> optional</span>}
      </label>
      {children({ id, "aria-describedby": problem ? noteId : undefined, "aria-invalid": problem !== undefined })}
      {problem && (
        <p id={noteId} class="field-problem" role="alert">
          {problem}
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
