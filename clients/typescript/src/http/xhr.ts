import { cancelled } from "../errors.js";
import { ConnectionError, type HttpRequest, type HttpResponse } from "./transport.js";

/**
 * Send a request by XMLHttpRequest, in browsers and React Native.
 *
 * `fetch` reports no progress, and in React Native it reads every body into memory.
 */
export function sendByXhr(request: HttpRequest): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const { signal } = request;
    if (signal?.aborted) {
      reject(cancelled());
      return;
    }
    const xhr = new XMLHttpRequest();
    const abort = () => xhr.abort();
    const settle = (finish: () => void) => () => {
      signal?.removeEventListener("abort", abort);
      finish();
    };
    xhr.open(request.method, request.url);
    for (const [name, value] of Object.entries(request.headers ?? {})) xhr.setRequestHeader(name, value);
    xhr.withCredentials = request.credentials ?? false;
    xhr.onload = settle(() =>
      resolve({ status: xhr.status, text: xhr.responseText, header: (name) => xhr.getResponseHeader(name) }),
    );
    xhr.onerror = settle(() => reject(new ConnectionError("The connection was lost.")));
    xhr.ontimeout = xhr.onerror;
    xhr.onabort = settle(() => reject(cancelled()));
    // A listener for progress makes a browser ask for permission (CORS preflight): only bodies get one.
    if (request.onSent && request.body) xhr.upload.onprogress = (event) => request.onSent?.(event.loaded);
    signal?.addEventListener("abort", abort);
    // React Native also sends `{uri}`, which TypeScript's DOM does not know.
    xhr.send((request.body ?? null) as XMLHttpRequestBodyInit | null);
  });
}
