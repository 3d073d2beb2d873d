/** A dialog that asks for something: fields, why it was refused, a way back and a way on. */
import type { ComponentChildren } from 'preact';
import { Dialog } from './dialog.js';
import { Failed } from './failed.js';

interface DialogFormProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly onSubmit: () => void;
  /** The button that goes on. */
  readonly action: string;
  readonly disabled?: boolean;
  /** In words; null as long as nothing was refused. */
  readonly refused: string | null;
  readonly children: ComponentChildren;
}

export const DialogForm = (props: DialogFormProps) => (
  <Dialog title={props.title} onClose={props.onClose}>
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        props.onSubmit();
      }}
    >
      {props.children}
      {props.refused !== null && <Failed>{props.refused}</Failed>}
      <div class="dialog-actions">
        <button type="button" class="quiet" onClick={props.onClose}>
          Cancel
        </button>
        <button type="submit" class="primary" disabled={props.disabled ?? false}>
          {props.action}
        </button>
      </div>
    </form>
  </Dialog>
);
