import { run } from "../run.page.js";
import { connectBy } from "./tus.js";

run(connectBy((file) => file));
