import { Icon, type IconName } from "../icons.tsx";
import { isSignedOut } from "../session.ts";
import { _ } from "../text.ts";
import { goOn, reopenAll } from "./interrupted.ts";
import type { Item, Stage } from "./item.ts";
import { splitPath } from "./names.ts";
import { pick } from "./picked.ts";
import { isHeld, pause, remove, resume } from "./queue.ts";
import { secondsLeft } from "./rate.ts";
import { settle } from "./stored.ts";
import { describe } from "./words.ts";

const BARS: readonly Stage[] = ["preparing", "uploading", "waiting", "completing", "paused"];
const ICONS: Partial<Record<Stage, IconName>> = {
  stored: "check",
  scanning: "shield",
  rejected: "shield",
  refused: "warning",
  failed: "warning",
  unreplaced: "warning",
  interrupted: "refresh",
};

/** One file of the queue: its name, its state in words, its progress, and what can be done with it. */
export function Row({ item }: { item: Item }) {
  void item.version.value;
  const { group, path, sentBytes, size, stage } = item;
  const { folder, name } = splitPath(path);
  const situation = {
    isHeld: isHeld.value,
    isSignedOut: isSignedOut.value,
    secondsLeft: secondsLeft(size - sentBytes, item.rate),
  };
  return (
    <li class={`upload upload-${stage}`} data-group={group}>
      <span class="upload-icon">
        <Icon name={ICONS[stage] ?? "file"} />
      </span>
      <div class="upload-text">
        <p class="upload-name" title={path}>
          {folder && <span class="upload-folder">{folder}</span>}
          <bdi>{name}</bdi>
        </p>
        {BARS.includes(stage) && <progress aria-label={name} max={Math.max(1, size)} value={sentBytes} />}
        <p class="upload-state">{describe(item, situation)}</p>
      </div>
      <div class="upload-actions">
        <MainAction item={item} name={name} />
        <Remove item={item} name={name} />
      </div>
    </li>
  );
}

interface Action {
  item: Item;
  name: string;
}

function MainAction({ item, name }: Action) {
  switch (item.stage) {
    case "preparing":
    case "uploading":
    case "waiting":
    case "queued":
      if (!item.task) return null;
      return <IconButton icon="pause" label={_("Pause %(name)s", { name })} onClick={() => pause(item)} />;
    case "paused":
      return <IconButton icon="play" label={_("Resume %(name)s", { name })} onClick={() => resume(item)} />;
    case "unreplaced":
      return <TextButton text={_("Try again")} name={name} onClick={() => void settle(item)} />;
    case "failed":
      return needsFile(item) ? <Choose item={item} name={name} /> : <Retry item={item} name={name} />;
    case "interrupted":
      return item.source ? <GoOn item={item} name={name} /> : <Choose item={item} name={name} />;
    default:
      return null;
  }
}

/** Return true if the browser cannot read the file any more. */
function needsFile({ task }: Item): boolean {
  return task?.error?.code === "file_changed" || task?.error?.code === "file_unreadable";
}

function Retry({ item, name }: Action) {
  return <TextButton text={_("Try again")} name={name} onClick={() => resume(item)} />;
}

function GoOn({ item, name }: Action) {
  return <TextButton text={_("Go on")} name={name} onClick={() => void reopenAll([item])} />;
}

function Choose({ item, name }: Action) {
  const choose = async () => {
    const [file] = await pick({ multiple: false });
    if (!file) return;
    if (item.pending) await goOn(item, file);
    else resume(item, file);
  };
  return <TextButton text={_("Choose again")} name={name} onClick={() => void choose()} />;
}

function Remove({ item, name }: Action) {
  const { group, stage } = item;
  const label =
    stage === "interrupted"
      ? _("Discard %(name)s", { name })
      : group === "active" && stage !== "scanning"
        ? _("Cancel %(name)s", { name })
        : _("Remove %(name)s from the list", { name });
  const leave = (event: Event) => {
    focusBeside(event.currentTarget as HTMLElement);
    void remove(item);
  };
  return <IconButton icon="close" label={label} onClick={leave} />;
}

/** Move the focus before its row goes: to the same button of the next row, of the one before, or to the list. */
function focusBeside(button: HTMLElement): void {
  const row = button.closest("li");
  const beside = row?.nextElementSibling ?? row?.previousElementSibling;
  const next = beside?.querySelector<HTMLElement>(".upload-actions button:last-child");
  (next ?? document.getElementById("uploads-title"))?.focus();
}

interface IconButtonProperties {
  icon: IconName;
  label: string;
  onClick: (event: Event) => void;
}

/** A button with an icon. */
export function IconButton({ icon, label, onClick }: IconButtonProperties) {
  return (
    <button type="button" class="button-icon" aria-label={label} title={label} onClick={onClick}>
      <Icon name={icon} />
    </button>
  );
}

/** A button with words. Its name for screen readers begins with them, and says which file it is for. */
function TextButton({ text, name, onClick }: { text: string; name: string; onClick: () => void }) {
  return (
    <button type="button" class="button button-small" aria-label={`${text}: ${name}`} onClick={onClick}>
      {text}
    </button>
  );
}
