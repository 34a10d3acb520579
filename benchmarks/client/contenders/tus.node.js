import { createReadStream } from "node:fs";
import { run } from "../run.node.js";
import { connectBy } from "./tus.js";

run(connectBy((path) => createReadStream(path)));
