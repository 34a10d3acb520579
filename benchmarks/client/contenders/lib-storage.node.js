import { createReadStream } from "node:fs";
import { run } from "../run.node.js";
import { connectBy } from "./lib-storage.js";

run(connectBy((path) => createReadStream(path)));
