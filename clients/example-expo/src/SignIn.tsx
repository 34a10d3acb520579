import { useState } from "react";
import { ScrollView, TextInput, View, type TextInputProps } from "react-native";
import { signIn, USUAL_ADDRESS, type Session } from "./session";
import { useTheme } from "./theme";
import { Button, Words } from "./ui";
import { describeError } from "./words";

const PAGE = { flexGrow: 1, justifyContent: "center", padding: 24, gap: 16 } as const;
const COLUMN = { width: "100%", maxWidth: 480, alignSelf: "center" } as const;

export function SignIn({ reason, onSignedIn }: { reason: string; onSignedIn: (session: Session) => void }) {
  const theme = useTheme();
  const [address, setAddress] = useState(USUAL_ADDRESS);
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [error, setError] = useState(reason);
  const [isBusy, setIsBusy] = useState(false);
  const submit = () => {
    setIsBusy(true);
    signIn(address, user, password).then(onSignedIn, (failure: unknown) => {
      setError(describeError(failure));
      setIsBusy(false);
    });
  };
  const secret = { secureTextEntry: true, autoComplete: "current-password", onSubmitEditing: submit } as const;
  return (
    <ScrollView role="main" keyboardShouldPersistTaps="handled" contentContainerStyle={[PAGE, COLUMN]}>
      <Words role="heading" aria-level={1} size={30} bold>
        Your files, safely stored
      </Words>
      <Words color={theme.soft}>Files of any size. An interrupted upload goes on where it stopped.</Words>
      <Field label="Address of the service" value={address} onChangeText={setAddress} inputMode="url" />
      <Field label="User" value={user} onChangeText={setUser} autoComplete="username" />
      <Field label="Password" value={password} onChangeText={setPassword} {...secret} />
      {error !== "" && (
        <Words role="alert" color={theme.bad}>
          {error}
        </Words>
      )}
      <Button title={isBusy ? "Signing in" : "Sign in"} kind="primary" isDisabled={isBusy} onPress={submit} />
    </ScrollView>
  );
}

function Field({ label, ...input }: { label: string } & TextInputProps) {
  const theme = useTheme();
  const frame = { borderColor: theme.soft, borderWidth: 1, borderRadius: 12, backgroundColor: theme.card };
  const inside = { minHeight: 48, paddingHorizontal: 14, fontSize: 16, color: theme.text };
  return (
    <View style={{ gap: 6 }}>
      <Words size={14} bold aria-hidden>
        {label}
      </Words>
      <TextInput {...input} aria-label={label} autoCapitalize="none" autoCorrect={false} style={[frame, inside]} />
    </View>
  );
}
