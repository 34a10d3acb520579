// Our client as its README has it. `via` is "auto", its default, or "put".

export const connectBy =
  (createClient) =>
  ({ service, token, bucket, via }) => {
    const client = createClient({ baseUrl: service, authorization: () => `Token ${token}` });
    return async (files) => {
      const options = (_, index) => ({ bucket, fileName: files[index].name, via });
      const queue = client.uploadMany(files.map((file) => file.data), options);
      for (const task of await queue.finished()) await task.result;
    };
  };
