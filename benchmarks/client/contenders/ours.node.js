import { createClient } from "../../../clients/typescript/dist/node.js";
import { run } from "../run.node.js";
import { connectBy } from "./ours.js";

run(connectBy(createClient));
