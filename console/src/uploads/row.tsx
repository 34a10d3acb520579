import { ask } from "../dialogs/confirm.tsx";
import { Icon, type IconName } from "../icons.tsx";
import { bucket } from "../location.ts";
import { isSignedOut } from "../session.ts";
import { _ } from "../text.ts";
import { isHeld } from "./board.ts";
import { take } from "./intake.ts";
import { goOn, reopenAll } from "./interrupted.ts";
import type { Item, Stage } from "./item.ts";
import { splitPath } from "./names.ts";
import { pick } from "./picked.ts";
import { pause, remove, restart, resume } from "./queue.ts";
import { secondsLeft } from "./rate.ts";
import { settle } from "./stored.ts";
import { describe, explain } from "./words.ts";

const BARS: readonly Stage[] = ["preparing", "uploading", "waiting", "completing", "paused"];
const ICONS: Partial<Record<Stage, IconName>> = {
  stored: "check",
  scanning: "shield",
  rejected: "shield",
  refused: "warning",
  failed: "warning",
  misnamed: "warning",
  unreadable: "warning",
  unreplaced: "warning",
  interrupted: "refresh",
};

/** One file of the queue: its name, its state in words, its progress, and what can be done with it. */
export function Row({ item }: { item: Item }) {
  void item.version.value;
  const { group, path, sentBytes, size, stage } = item;
  const { folder, name } = splitPath(path);
  const place = item.bucket === bucket.value ? folder : `${item.bucket}/${folder}`;
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
          {place && <span class="upload-folder">{place}</span>}
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
      return <TextButton text={_("Try again")} name={name} onClick={() => resume(item)} />;
    case "misnamed":
      return <TextButton text={_("Rename")} name={name} onClick={() => void askForName(item, name)} />;
    case "unreadable":
      return <Choose name={name} onFile={(file) => void restart(item, file)} />;
    case "interrupted":
      return item.source ? (
        <TextButton text={_("Continue")} name={name} onClick={() => void reopenAll([item])} />
      ) : (
        <Choose name={name} onFile={(file) => void goOn(item, file)} />
      );
    default:
      return null;
  }
}

/** Ask for another name, and take the file anew: that name may be taken, too. */
async function askForName(item: Item, name: string): Promise<void> {
  const answer = await ask({
    title: _("Rename the file"),
    text: explain(item.task?.error),
    action: _("Upload"),
    field: { label: _("Name"), value: name, pattern: "[^\\/]+" },
  });
  const { bucket: inBucket, file, path, source } = item;
  if (!answer || !file) return;
  await remove(item);
  const picked = [{ file, path: answer, source }];
  await take({ picked, emptyFolders: [], unreadable: [] }, { bucket: inBucket, folder: splitPath(path).folder });
}

function Choose({ name, onFile }: { name: string; onFile: (file: File) => void }) {
  const choose = async () => {
    const [file] = await pick({ multiple: false });
    if (file) onFile(file);
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
