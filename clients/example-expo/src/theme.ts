import { useColorScheme } from "react-native";

const light = {
  ...{ page: "#f2f7f6", card: "#ffffff", line: "#d9e4e2", text: "#0f1f1d", soft: "#4d605d", brand: "#0f766e" },
  ...{ onBrand: "#ffffff", tint: "#dff2ef", onTint: "#0b5650", bad: "#b42318", badTint: "#fdeceb" },
};
const dark: typeof light = {
  ...{ page: "#0a1211", card: "#131e1c", line: "#2a3d3a", text: "#e7f3f1", soft: "#a6bab6", brand: "#5eead4" },
  ...{ onBrand: "#04302b", tint: "#18352f", onTint: "#a5f3e4", bad: "#ffb4ab", badTint: "#3b1b18" },
};

/** Every pair of text and background has a contrast of 4.5 or more. */
export function useTheme() {
  return useColorScheme() === "dark" ? dark : light;
}
