import { useId } from "preact/hooks";

export interface Column<T> {
  readonly label: string;
  readonly text: (row: T) => string;
  /** Whether somebody should look at it: then it has a sign beside the figure. */
  readonly bad?: (row: T) => boolean;
}

interface Props<T> {
  readonly title: string;
  readonly rows: readonly T[];
  readonly nameLabel: string;
  readonly nameOf: (row: T) => string;
  readonly columns: readonly Column<T>[];
}

export function Table<T>({ title, rows, nameLabel, nameOf, columns }: Props<T>) {
  const id = useId();
  return (
    <section class="ops-table" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {rows.length === 0 ? (
        <p class="waiting">Nothing yet.</p>
      ) : (
        <div class="ops-scroll" role="region" aria-labelledby={id} tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">{nameLabel}</th>
                {columns.map(({ label }) => (
                  <th key={label} scope="col">
                    {label}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr key={nameOf(row)}>
                  <th scope="row">{nameOf(row)}</th>
                  {columns.map(({ label, text, bad }) => (
                    <td key={label} data-bad={bad?.(row) || undefined}>
                      {bad?.(row) && <span class="hidden">Look: </span>}
                      {text(row)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
