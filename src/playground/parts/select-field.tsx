/** A choice of a few, under its label. */

interface SelectFieldProps<Id extends string> {
  readonly label: string;
  readonly value: Id;
  /** Each with its text. */
  readonly options: readonly (readonly [id: Id, text: string])[];
  readonly onChoose: (id: Id) => void;
  readonly class?: string;
}

export function SelectField<Id extends string>(props: SelectFieldProps<Id>) {
  const { label, value, options, onChoose, class: more } = props;
  return (
    <label class={more === undefined ? 'field' : `field ${more}`}>
      <span>{label}</span>
      <select
        value={value}
        onChange={({ currentTarget }) => {
          const chosen = options.find(([id]) => id === currentTarget.value);
          if (chosen) onChoose(chosen[0]);
        }}
      >
        {options.map(([id, text]) => (
          <option key={id} value={id}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}
