BEGIN TRANSACTION;
CREATE TABLE evaluations (
	id INTEGER NOT NULL, 
	search_id VARCHAR(32) NOT NULL, 
	task VARCHAR(128) NOT NULL, 
	proposal INTEGER NOT NULL, 
	proposer VARCHAR(64) NOT NULL, 
	space VARCHAR(64) NOT NULL, 
	architecture_key VARCHAR(32) NOT NULL, 
	graph_key VARCHAR(32) NOT NULL, 
	training_key VARCHAR(32) NOT NULL, 
	metric VARCHAR(64) NOT NULL, 
	score DOUBLE, 
	reason TEXT, 
	reusable BOOLEAN NOT NULL, 
	reused BOOLEAN NOT NULL, 
	epochs INTEGER NOT NULL, 
	seed VARCHAR(64) NOT NULL, 
	duration DOUBLE NOT NULL, 
	created DATETIME NOT NULL, 
	continue_from INTEGER, 
	weights_from TEXT, 
	fidelity TEXT NOT NULL, 
	recipe TEXT NOT NULL, 
	costs TEXT NOT NULL, 
	metrics TEXT NOT NULL, 
	architecture TEXT NOT NULL, 
	curve TEXT NOT NULL, 
	CONSTRAINT pk_evaluations PRIMARY KEY (id), 
	CONSTRAINT fk_evaluations_search_id FOREIGN KEY(search_id) REFERENCES searches (id) ON DELETE CASCADE, 
	CONSTRAINT fk_evaluations_task FOREIGN KEY(task) REFERENCES tasks (fingerprint) ON DELETE CASCADE
);
INSERT INTO "evaluations" VALUES(1,'fcac0e15e2f9','0123456789abcdef0123456789abcdef',0,'random','mlp','38a5e6fb0207a63743696854045825a9','9f2c4917d5484f60e6e4d671fb1a5552','117d671cec59d46cb38a550c18009ee8','accuracy',3.00000000000000044408e-01,NULL,1,0,2,'0',0.25,'2025-11-22 01:02:03.000000',NULL,NULL,'{"epochs":3,"share":1.0}','{"learning_rate":0.003,"weight_decay":0.2}','{"parameters":6835,"flops":13312}','{"accuracy":0.30000000000000004,"cross_entropy":5e-324}','{"schema":1,"space":"mlp","choices":{"encoding":"periodic","encoding.frequencies":8,"encoding.sigma":0.3,"depth":2,"connection":"residual","activation":"relu","norm":"none","dropout":0.0,"layer1.width":16,"layer2.width":128,"recipe.learning_rate":0.003,"recipe.weight_decay":0.2}}','[{"epoch":1,"loss":1.0,"score":0.1},{"epoch":2,"loss":0.5,"score":0.2},{"epoch":3,"loss":0.3333333333333333,"score":0.30000000000000004}]');
INSERT INTO "evaluations" VALUES(2,'fcac0e15e2f9','0123456789abcdef0123456789abcdef',1,'random','mlp','90cd7bf6ca0ca44e29a94a50e49decc1','233d4c63e00a5d5658dc357fd9a75ab8','c4c197ef32e96d744aa3a16ab8201a7d','accuracy',0.25,NULL,1,0,2,'1',0.25,'2025-11-22 01:02:03.000000',NULL,NULL,'{"epochs":3,"share":1.0}','{"learning_rate":0.001,"weight_decay":0.2}','{"parameters":37891,"flops":74976}','{"accuracy":0.25}','{"schema":1,"space":"mlp","choices":{"encoding":"plain","depth":3,"connection":"sparse","activation":"gelu","norm":"none","dropout":0.0,"layer1.width":128,"layer2.width":256,"layer2.join.from0":false,"layer3.width":16,"layer3.join.from0":true,"layer3.join.from1":false,"recipe.learning_rate":0.001,"recipe.weight_decay":0.2}}','[{"epoch":1,"loss":1.0,"score":0.1},{"epoch":2,"loss":0.5,"score":0.2},{"epoch":3,"loss":0.3333333333333333,"score":0.30000000000000004}]');
INSERT INTO "evaluations" VALUES(3,'fcac0e15e2f9','0123456789abcdef0123456789abcdef',2,'random','mlp','f46418170a0a1c6bdf25d838b5e3f877','69c1bae573cad2fc00b0fb04ff957212','b770e0eb7abb4ab61f82f7f919a4751a','accuracy',NULL,'took longer than 30 s',0,0,0,'2',0.5,'2025-11-22 01:02:03.000000',NULL,NULL,'{"epochs":3,"share":1.0}','{"learning_rate":0.01,"weight_decay":0.05}','{}','{}','{"schema":1,"space":"mlp","choices":{"encoding":"periodic","encoding.frequencies":4,"encoding.sigma":0.1,"depth":2,"connection":"residual","activation":"gelu","norm":"batch_norm","dropout":0.0,"layer1.width":32,"layer2.width":64,"recipe.learning_rate":0.01,"recipe.weight_decay":0.05}}','[]');
CREATE TABLE metanas_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT metanas_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "metanas_version" VALUES('0001');
CREATE TABLE searches (
	id VARCHAR(32) NOT NULL, 
	task VARCHAR(128) NOT NULL, 
	folder TEXT NOT NULL, 
	strategy VARCHAR(64) NOT NULL, 
	space VARCHAR(64) NOT NULL, 
	metric VARCHAR(64) NOT NULL, 
	seed VARCHAR(64) NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	started DATETIME NOT NULL, 
	updated DATETIME NOT NULL, 
	finished DATETIME, 
	elapsed DOUBLE NOT NULL, 
	settings TEXT NOT NULL, 
	versions TEXT NOT NULL, 
	result TEXT, 
	CONSTRAINT pk_searches PRIMARY KEY (id), 
	CONSTRAINT fk_searches_task FOREIGN KEY(task) REFERENCES tasks (fingerprint) ON DELETE CASCADE
);
INSERT INTO "searches" VALUES('fcac0e15e2f9','0123456789abcdef0123456789abcdef','runs/iris','random','mlp','accuracy','3','finished','2025-11-22 01:02:03.000000','2025-11-22 01:02:03.000000','2025-11-22 01:02:03.000000',9.5,'{"trials":9}','{}','{"test":{"score":0.5}}');
CREATE TABLE tasks (
	fingerprint VARCHAR(128) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	data VARCHAR(32) NOT NULL, 
	created DATETIME NOT NULL, 
	description TEXT NOT NULL, 
	CONSTRAINT pk_tasks PRIMARY KEY (fingerprint)
);
INSERT INTO "tasks" VALUES('0123456789abcdef0123456789abcdef','iris','classification','table','2025-11-22 01:02:03.000000','{"name":"iris","kind":"classification","shape":{"data":"table","input":[4],"outputs":3,"numeric":4,"vocabulary":0,"rate":0},"examples":90,"metric":"accuracy","features":{"imbalance":0.1}}');
CREATE INDEX ix_tasks_name ON tasks (name);
CREATE INDEX ix_searches_task ON searches (task);
CREATE INDEX ix_searches_started ON searches (started);
CREATE INDEX ix_evaluations_task_training_key ON evaluations (task, training_key);
CREATE UNIQUE INDEX ix_evaluations_search_id_proposal ON evaluations (search_id, proposal);
COMMIT;
