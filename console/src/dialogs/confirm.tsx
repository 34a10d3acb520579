import { signal } from "@preact/signals";
import { _ } from "../text.ts";
import { Dialog } from "./dialog.tsx";

/** A question before something that cannot be undone, or for one line of text. */
export interface Question {
  title: string;
  text: string;
  action: string;
  isDanger?: boolean;
  /** Label of a text field whose value is the answer. */
  field?: { label: string; value?: string; pattern?: string; hint?: string };
}

const asked = signal<(Question & { answer: (value: string | undefined) => void }) | undefined>(undefined);

/** Ask the user, and return true if the answer is yes. */
export async function confirm(question: Question): Promise<boolean> {
  return (await ask(question)) !== undefined;
}

/** Ask the user for a line of text; undefined if the user closes the dialog. */
export function ask(question: Question): Promise<string | undefined> {
  asked.value?.answer(undefined);
  return new Promise((resolve) => {
    const answer = (value: string | undefined) => {
      asked.value = undefined;
      resolve(value);
    };
    asked.value = { ...question, answer };
  });
}

/** The open question, if there is one. */
export function Questions() {
  const question = asked.value;
  if (!question) return null;
  const { title, text, action, isDanger, field, answer } = question;
  return (
    <Dialog title={title} onClose={() => answer(undefined)} key={title}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          answer(String(new FormData(event.currentTarget).get("value") ?? "").trim());
        }}
      >
        {text && <p>{text}</p>}
        {field && (
          <p class="field">
            <label for="question">{field.label}</label>
            <input
              id="question"
              name="value"
              required
              autoFocus
              autoComplete="off"
              spellcheck={false}
              defaultValue={field.value ?? ""}
              pattern={field.pattern}
              title={field.pattern && field.hint}
              aria-describedby={field.hint ? "question-hint" : undefined}
            />
            {field.hint && (
              <span class="hint" id="question-hint">
                {field.hint}
              </span>
            )}
          </p>
        )}
        <div class="dialog-foot">
          <button type="button" class="button" onClick={() => answer(undefined)}>
            {_("Cancel")}
          </button>
          <button type="submit" class={`button ${isDanger ? "button-danger" : "button-primary"}`} autoFocus={!field}>
            {action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
