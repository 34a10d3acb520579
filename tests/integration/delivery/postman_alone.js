// Send each request of the collection alone, as after a fresh import: node postman_alone.js NEWMAN COLLECTION VARIABLES
// Prints as JSON the status and the failures of each request by its name.
const [newmanPath, collectionPath, variables] = process.argv.slice(2);
const { readFileSync } = require("node:fs");
const newman = require(newmanPath);

const AT_ONCE = 4;
const text = readFileSync(collectionPath, "utf8");
const envVar = Object.entries(JSON.parse(variables)).map(([key, value]) => ({ key, value }));

function listNames({ item: items }) {
    return items.flatMap((item) => (item.item ? listNames(item) : [item.name]));
}

function sendAlone(name) {
    return new Promise((resolve, reject) => {
        const options = { collection: JSON.parse(text), folder: name, envVar, reporters: [] };
        newman.run(options, (error, summary) => {
            if (error) {
                reject(error);
                return;
            }
            const { executions, failures } = summary.run;
            const codes = executions.map(({ response }) => (response ? response.code : null));
            resolve({ code: codes.pop(), failures: failures.map((failure) => failure.error.message) });
        });
    });
}

async function main() {
    const results = {};
    const names = listNames(JSON.parse(text));
    async function work() {
        for (let name = names.shift(); name !== undefined; name = names.shift()) {
            results[name] = await sendAlone(name);
        }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    process.stdout.write(JSON.stringify(results));
}

main();
