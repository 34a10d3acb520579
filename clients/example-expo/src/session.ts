import AsyncStorage from "@react-native-async-storage/async-storage";
import * as Network from "expo-network";
import { useEffect, useState } from "react";
import { AppState, Platform } from "react-native";
import { asyncStorage, createClient, type Client } from "s3-file-uploader-client";
import { expoConnectivity } from "s3-file-uploader-client/expo";
import { files, secrets } from "./device";

/** Who is signed in, and where. */
export interface Session {
  /** Such as `https://example.com`. */
  address: string;
  user: string;
  token: string;
}

/** Where `make run` listens; the emulator of Android has another name for this machine. */
export const USUAL_ADDRESS = Platform.select({
  web: Platform.OS === "web" ? location.origin : "",
  android: "http://10.0.2.2:8000",
  default: "http://localhost:8000",
});

/** Return a session for a name and a password. Throws an error in plain words. */
export async function signIn(address: string, username: string, password: string): Promise<Session> {
  const site = address.trim().replace(/\/+$/, "");
  const request = {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ username, password }),
  };
  const response = await fetch(`${site}/auth/token/`, request).catch(() => {
    throw new Error(`Nothing answers at ${site}. Check the address and the network.`);
  });
  if (response.status === 400) throw new Error("The name or the password is wrong.");
  const body: unknown = await response.json().catch(() => null);
  const token = (body as { token?: unknown } | null)?.token;
  if (typeof token !== "string") throw new Error(`${site} answers, but it is no upload service.`);
  return { address: site, user: username, token };
}

/** Return the client of a session. `onRejected` is called once its token is not valid any more. */
export function connect({ address, token, user }: Session, onRejected: () => void): Client {
  return createClient({
    baseUrl: `${address}/modules/s3-file-uploader/service`,
    authorization: ({ rejected }) => {
      if (rejected) onRejected();
      return rejected ? null : `Token ${token}`;
    },
    account: `${user}@${address}`,
    storage: asyncStorage(AsyncStorage),
    connectivity: expoConnectivity(Network, AppState),
    ...(files ? { files } : {}),
  });
}

const SECRET = "session";

/** The session of this device, which a restart does not end: undefined while it is read, null without one. */
export function useSession() {
  const [session, setSession] = useState<Session | null>();
  const [reason, setReason] = useState("");
  useEffect(
    () => void secrets.read(SECRET).then((text) => setSession(text ? (JSON.parse(text) as Session) : null)),
    [],
  );
  const begin = (begun: Session) => {
    setSession(begun);
    void secrets.write(SECRET, JSON.stringify(begun));
  };
  const end = (why = "") => {
    setSession(null);
    setReason(why);
    void secrets.remove(SECRET);
  };
  return { session, reason, begin, end };
}
