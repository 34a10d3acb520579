// A page as its author writes it, for either major, and handles by which a test acts as its user.

export function serve(Uppy, AwsS3) {
  let uppy;

  // What the README tells a page to do.
  function tellArrival(endpoint, headers, key) {
    const address = `${endpoint}/s3/complete?key=${encodeURIComponent(key)}`;
    return fetch(address, { method: "POST", keepalive: true, headers });
  }

  function signedBy(address, headers) {
    return async (request) => {
      const answer = await fetch(address, {
        method: "POST",
        headers: { "Content-Type": "application/json", ...headers },
        body: JSON.stringify(request),
      });
      if (!answer.ok) throw new Error((await answer.json()).detail);
      return answer.json();
    };
  }

  window.start = ({ plugin, sign, endpoint, headers, partsFrom }) => {
    const seen = { parts: 0, errors: [], answers: [], records: [] };
    const options = { ...plugin };
    if (partsFrom != null) options.shouldUseMultipart = (file) => file.size >= partsFrom;
    if (sign) Object.assign(options, { signRequest: signedBy(sign, headers), generateObjectKey: (file) => file.name });
    uppy = new Uppy({ logger: { debug() {}, warn: console.warn, error: console.error } });
    uppy.use(AwsS3, options);
    uppy.on("s3-multipart:part-uploaded", () => {
      seen.parts += 1;
      if (seen.parts === seen.pauseAfter) uppy.pauseAll();
    });
    uppy.on("upload-error", (file, error) => seen.errors.push(String(error)));
    uppy.on("upload-success", (file, { body, uploadURL }) => {
      seen.answers.push({ key: body.key, uploadURL });
      seen.records.push(tellArrival(endpoint, headers, body.key).then((answer) => answer.json()));
    });
    window.seen = seen;
  };

  window.add = ({ name, type, meta, saved }) => {
    const file = document.querySelector("input").files[0];
    const id = uppy.addFile({ name: name ?? file.name, type: type ?? file.type, data: file, meta });
    if (saved) uppy.setFileState(id, { s3Multipart: saved });
    return id;
  };

  window.send = () => {
    window.sent = uppy.upload();
  };

  window.finished = async () => {
    const { successful, failed } = await window.sent;
    const records = await Promise.all(window.seen.records);
    return { successful: successful.length, failed: failed.length, ...window.seen, records };
  };

  window.pauseAfter = (parts) => {
    window.seen.pauseAfter = parts;
  };
  window.resume = () => uppy.resumeAll();
  window.cancel = () => uppy.cancelAll();
  window.savedStates = () => uppy.getFiles().map((file) => file.s3Multipart);
}
