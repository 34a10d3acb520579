import { Pressable, Text, View, type TextProps, type ViewProps } from "react-native";
import { useTheme } from "./theme";

const LINE = { flexDirection: "row", flexWrap: "wrap", alignItems: "center", gap: 12 } as const;
const MIDDLE = { alignItems: "center", justifyContent: "center" } as const;
const TARGET = { minHeight: 44, minWidth: 44 } as const;
const ROUND = { borderRadius: 18, padding: 12 } as const;

/** Things side by side, and below each other where there is no room. */
export function Line({ style, ...rest }: ViewProps) {
  return <View {...rest} style={[LINE, style]} />;
}

type WordsProps = TextProps & { size?: number; bold?: boolean; color?: string };

export function Words({ size = 16, bold, color, style, ...rest }: WordsProps) {
  const theme = useTheme();
  const own = { color: color ?? theme.text, fontSize: size, fontWeight: bold ? "600" : "400" } as const;
  return <Text {...rest} style={[own, style]} />;
}

interface ButtonProps {
  title: string;
  /** What the button acts on, such as the name of a file: for screen readers. */
  of?: string;
  kind?: "primary" | "tinted" | "plain";
  isDisabled?: boolean;
  /** Take the free width of the line. */
  grows?: boolean;
  onPress: () => void;
}

export function Button({ title, of = "", kind = "tinted", isDisabled = false, grows, onPress }: ButtonProps) {
  const theme = useTheme();
  const backgroundColor = { primary: theme.brand, tinted: theme.tint, plain: "transparent" }[kind];
  const shape = { flexGrow: Number(grows ?? 0), borderRadius: 22, paddingHorizontal: kind === "plain" ? 10 : 18 };
  return (
    <Pressable
      role="button"
      aria-label={`${title} ${of}`.trim()}
      disabled={isDisabled}
      onPress={onPress}
      style={({ pressed }) => [TARGET, MIDDLE, shape, { backgroundColor, opacity: pressed || isDisabled ? 0.6 : 1 }]}
    >
      <Words size={15} bold color={kind === "primary" ? theme.onBrand : theme.onTint}>
        {title}
      </Words>
    </Pressable>
  );
}

interface RowProps {
  name: string;
  note: string;
  isBad?: boolean;
  /** Buttons by their titles. */
  actions: Record<string, () => void>;
  /** What left the device, and what has arrived, from 0 to 1. */
  progress?: { sent: number; stored: number };
}

/** A file: a tile with its kind, its name, a note, buttons, and how far it is. */
export function Row({ name, note, isBad, actions, progress }: RowProps) {
  const theme = useTheme();
  const kind = /\.([a-z0-9]{1,4})$/i.exec(name)?.[1]?.toUpperCase() ?? "FILE";
  const card = { backgroundColor: theme.card, borderColor: theme.line, borderWidth: 1, gap: 10 };
  const tile = { width: 48, height: 48, borderRadius: 12, backgroundColor: theme.tint };
  const bar = { position: "absolute", height: 6, borderRadius: 3, backgroundColor: theme.brand } as const;
  const percent = {
    "aria-valuemin": 0,
    "aria-valuemax": 100,
    "aria-valuenow": Math.round(100 * (progress?.sent ?? 0)),
  };
  return (
    <View role="group" aria-label={name} style={[ROUND, card]}>
      <Line style={{ rowGap: 2 }}>
        <View aria-hidden style={[MIDDLE, tile]}>
          <Words size={12} bold color={theme.onTint}>
            {kind}
          </Words>
        </View>
        <View style={{ flexGrow: 1, flexShrink: 1, flexBasis: 160, gap: 2 }}>
          <Words bold numberOfLines={1} ellipsizeMode="middle">
            {name}
          </Words>
          <Words size={14} color={isBad ? theme.bad : theme.soft}>
            {note}
          </Words>
        </View>
        <Line style={{ gap: 0, marginLeft: "auto" }}>
          {Object.entries(actions).map(([title, onPress]) => (
            <Button key={title} title={title} of={name} kind="plain" onPress={onPress} />
          ))}
        </Line>
      </Line>
      {progress && (
        <View role="progressbar" aria-label={`Progress of ${name}`} {...percent} style={{ height: 6 }}>
          <View style={[bar, { width: "100%", backgroundColor: theme.tint }]} />
          <View style={[bar, { width: `${100 * progress.sent}%`, opacity: 0.4 }]} />
          <View style={[bar, { width: `${100 * progress.stored}%` }]} />
        </View>
      )}
    </View>
  );
}

interface NoticeProps {
  text: string;
  isBad?: boolean;
  action: string;
  onPress: () => void;
}

/** A message that stays until the user has seen it. */
export function Notice({ text, isBad, action, onPress }: NoticeProps) {
  const theme = useTheme();
  return (
    <Line
      role={isBad ? "alert" : "status"}
      style={[ROUND, { backgroundColor: isBad ? theme.badTint : theme.tint, boxShadow: "0 2px 12px #0004" }]}
    >
      <Words size={15} color={isBad ? theme.bad : theme.onTint} style={{ flex: 1, flexBasis: 160 }}>
        {text}
      </Words>
      <Button title={action} kind="plain" onPress={onPress} />
    </Line>
  );
}
