// As the course's stock-consumer: kafkajs with its own assignor, a member of GROUP that reads TOPIC until it is killed.
import { Kafka, logLevel } from "kafkajs";

const [, , broker, groupId, topic, clientId = "stock-consumer"] = process.argv;
const kafka = new Kafka({ clientId, brokers: [broker, broker, broker], logLevel: logLevel.ERROR });
const consumer = kafka.consumer({ groupId, sessionTimeout: 6000, heartbeatInterval: 500 });
consumer.on(consumer.events.GROUP_JOIN, () => console.log("joined"));
await consumer.connect();
await consumer.subscribe({ topics: [topic], fromBeginning: true });
await consumer.run({ eachMessage: async ({ message }) => console.log(`read ${message.offset}`) });
