import { StatusBar } from "react-native";
import { SafeAreaProvider, SafeAreaView } from "react-native-safe-area-context";
import { useSession } from "./session";
import { SignIn } from "./SignIn";
import { useTheme } from "./theme";
import { Uploader } from "./Uploader";

export function App() {
  const theme = useTheme();
  const { session, reason, begin, end } = useSession();
  return (
    <SafeAreaProvider>
      <StatusBar />
      <SafeAreaView style={{ flex: 1, backgroundColor: theme.page }}>
        {session === null && <SignIn reason={reason} onSignedIn={begin} />}
        {session && <Uploader session={session} onEnd={end} />}
      </SafeAreaView>
    </SafeAreaProvider>
  );
}
