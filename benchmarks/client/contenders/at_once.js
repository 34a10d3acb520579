// A queue for clients that have none.

/** Uppy sends so many files at once, which is what browsers open to one host over HTTP/1.1. */
const FILES_AT_ONCE = 6;

export async function sendEach(files, sendOne) {
  const waiting = [...files];
  const work = async () => {
    for (let file = waiting.shift(); file; file = waiting.shift()) await sendOne(file);
  };
  await Promise.all(Array.from({ length: FILES_AT_ONCE }, work));
}
