// In a page, send the chosen files by one client.

/** Give the page `connect(config)`, and `send()`, whose promise is rejected if an upload fails. */
export function run(connect) {
  let send;
  window.connect = (config) => {
    send = connect(config);
  };
  window.send = async () => {
    const { files } = document.querySelector("input");
    await send([...files].map((file) => ({ name: file.name, size: file.size, data: file })));
  };
}
