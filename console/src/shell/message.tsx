import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "../icons.tsx";

/** The message in place of a list that is empty or cannot be shown. */
export function Message({
  icon,
  title,
  isAlert = false,
  children,
}: {
  icon: IconName;
  title: string;
  isAlert?: boolean;
  children: ComponentChildren;
}) {
  return (
    <div class="message" role={isAlert ? "alert" : undefined}>
      <span class="message-icon">
        <Icon name={icon} size={32} />
      </span>
      <h2>{title}</h2>
      {children}
    </div>
  );
}
