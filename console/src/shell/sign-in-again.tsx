import { useState } from "preact/hooks";
import { Dialog } from "../dialogs/dialog.tsx";
import { page } from "../page.ts";
import { isSignedOut, signInAgain, user } from "../session.ts";
import { _ } from "../text.ts";
import { reasonOf } from "../toasts.tsx";

/** Asks for the password after the session has expired. Requests and uploads wait meanwhile, then go on. */
export function SignInAgain() {
  return isSignedOut.value ? <Form /> : null;
}

function Form() {
  const [error, setError] = useState("");
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    try {
      setError((await signInAgain(String(form.get("username")), String(form.get("password")))) ?? "");
    } catch (cause) {
      setError(reasonOf(cause));
    }
    setBusy(false);
  };
  return (
    <Dialog title={_("Sign in again")} onClose={() => undefined} mayClose={false}>
      <p>{_("Your session has ended. Uploads go on once you have signed in.")}</p>
      {error && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      <form onSubmit={(event) => void submit(event)} action={page.urls.signIn} method="post">
        <p class="field">
          <label for="again-username">{_("User name")}</label>
          <input id="again-username" name="username" autoComplete="username" required defaultValue={user.value.name} />
        </p>
        <p class="field">
          <label for="again-password">{_("Password")}</label>
          <input
            id="again-password"
            name="password"
            type="password"
            autoComplete="current-password"
            required
            autoFocus
          />
        </p>
        <div class="dialog-foot">
          <a class="button" href={page.urls.signIn}>
            {_("Leave")}
          </a>
          <button type="submit" class="button button-primary" disabled={isBusy}>
            {_("Sign in")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
